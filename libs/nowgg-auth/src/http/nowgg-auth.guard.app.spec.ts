import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Head, Options, Req, UseGuards } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { InvalidTokenError, NowggConfigurationError } from '../errors.js';
import { NowggPrincipal, principalOf } from '../principal.js';
import type { AuthenticatedRequest } from './authentication.js';
import { NowggAuthGuard } from './nowgg-auth.guard.js';
import { NowggUser } from './nowgg-user.decorator.js';
import { NowggAuth, OptionalAuth, Public, RequireScopes } from './policy/policy.decorators.js';
import { captureSecurityEvents } from '../testing-support/security-events.js';
import { FakeAuthenticator, factsOf } from '../testing-support/fake-authenticator.js';
import { GuardedApp, platforms } from '../testing-support/guarded-app.js';

let handled = 0;
const seen = (user: NowggPrincipal | undefined) => {
  handled += 1;
  return { user: user?.userId ?? null };
};

@Controller()
class GuardedController {
  @Get('me') me(@NowggUser() user: NowggPrincipal) {
    return seen(user);
  }
  @Get('request') request(@Req() request: AuthenticatedRequest) {
    return seen(request.user as NowggPrincipal);
  }
  @Public() @Get('open') open(@NowggUser() user?: NowggPrincipal) {
    return seen(user);
  }
  @OptionalAuth() @Get('optional') optional(@NowggUser() user?: NowggPrincipal) {
    return seen(user);
  }
  @OptionalAuth({ onInvalid: 'anonymous' }) @Get('lenient') lenient(@NowggUser() user?: NowggPrincipal) {
    return seen(user);
  }
  @RequireScopes('email') @Get('email') email(@NowggUser('userId') userId: string) {
    handled += 1;
    return { user: userId };
  }
  @RequireScopes('email', 'profile') @Get('profile') profile() {
    return seen(undefined);
  }
  @OptionalAuth() @RequireScopes('email') @Get('optional-email') optionalEmail(@NowggUser() user?: NowggPrincipal) {
    return seen(user);
  }
  @NowggAuth({ maxAgeMs: 0, tokenType: 'token' }) @Get('now') now(@NowggUser() user: NowggPrincipal) {
    return seen(user);
  }
  @UseGuards(NowggAuthGuard) @Get('twice') twice(@NowggUser() user: NowggPrincipal) {
    return seen(user);
  }
  @Head('head') head() {
    return seen(undefined);
  }
  @Options('options') options() {
    return seen(undefined);
  }
}

const bare = 'Bearer realm="nowgg"';
const invalid = (description: string) => `${bare}, error="invalid_token", error_description="${description}"`;

describe.each(platforms)('NowggAuthGuard on %s', (platform) => {
  let guarded: GuardedApp;
  const start = async () => {
    handled = 0;
    guarded = await GuardedApp.start(platform, { controllers: [GuardedController], module: { globalGuard: true } });
  };
  afterEach(async () => guarded.close());

  const calls = () => guarded.authenticator.calls.length;

  it('lets a good token in, whether the verdict is there at once or later', async () => {
    await start();
    expect(await guarded.send('/me', 'Bearer good')).toMatchObject({ status: 200, body: { user: 'u1' } });
    expect(await guarded.send('/me', 'bearer  later-good')).toMatchObject({ status: 200, body: { user: 'u2' } });
    expect(await guarded.send('/request', 'Bearer good')).toMatchObject({ status: 200, body: { user: 'u1' } });
  });

  it.each([undefined, '', 'Basic QQ==', 'BearerA'])(
    'answers %p with a bare challenge and sends no question',
    async (header) => {
      await start();
      const { status, headers, body } = await guarded.send('/me?access_token=good', header);
      expect({ status, challenge: headers['www-authenticate'], cache: headers['cache-control'], body }).toEqual({
        status: 401,
        challenge: bare,
        cache: 'no-store',
        body: { statusCode: 401, message: 'no bearer token was sent', errorCode: 'missing_token' },
      });
      expect([handled, calls()]).toEqual([0, 0]);
    },
  );

  it.each(['Bearer', 'Bearer A B', 'Bearer\tgood', 'Bearer\u00a0good', `Bearer ${'a'.repeat(8193)}`])(
    'answers the malformed header %# without asking',
    async (header) => {
      await start();
      const { status, headers, body } = await guarded.send('/me', header);
      expect(status).toBe(401);
      expect(headers['www-authenticate']).toBe(invalid('the bearer token is malformed'));
      expect(body).toMatchObject({ errorCode: 'malformed_token' });
      expect([handled, calls()]).toEqual([0, 0]);
    },
  );

  it.each([
    ['expired', 'expired_token', 'the bearer token has expired'],
    ['later-revoked', 'revoked_token', 'the bearer token was revoked'],
    ['whatever', 'invalid_token', 'the bearer token is not valid'],
  ])('answers the token %s with %s', async (token, errorCode, message) => {
    await start();
    const { status, headers, body } = await guarded.send('/me', `Bearer ${token}`);
    expect({ status, challenge: headers['www-authenticate'], cache: headers['cache-control'], body }).toEqual({
      status: 401,
      challenge: invalid(message),
      cache: 'no-store',
      body: { statusCode: 401, message, errorCode },
    });
    expect(handled).toBe(0);
  });

  it('answers a sign-in that is too long ago with the max_age of the route', async () => {
    await start();
    const reason = 'insufficient_user_authentication';
    guarded.authenticator.verdicts.set('old', { status: 'invalid', reason, maxAuthAgeMs: 300_000 });
    const { status, headers, body } = await guarded.send('/me', 'Bearer old');
    const message = 'this needs a more recent sign-in of the player';
    expect({ status, challenge: headers['www-authenticate'], cache: headers['cache-control'], body }).toEqual({
      status: 401,
      challenge: `${bare}, error="${reason}", error_description="${message}", max_age="300"`,
      cache: 'no-store',
      body: { statusCode: 401, message, errorCode: reason, maxAgeSeconds: 300 },
    });
    expect(handled).toBe(0);
  });

  it.each([
    ['unasked', '7'],
    ['later-unasked', '9'],
  ])('answers %s with 503 and Retry-After, and no challenge, on every kind of route', async (token, retryAfter) => {
    await start();
    for (const path of ['/me', '/optional', '/lenient', '/email']) {
      const { status, headers, body } = await guarded.send(path, `Bearer ${token}`);
      expect(status).toBe(503);
      expect(headers['retry-after']).toBe(retryAfter);
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['www-authenticate']).toBeUndefined();
      expect(Object.keys(body as object)).toEqual(['statusCode', 'message', 'errorCode']);
    }
    expect(handled).toBe(0);
  });

  it('refuses two credentials with 400, on optional routes too', async () => {
    await start();
    using events = captureSecurityEvents();
    for (const path of ['/me', '/optional', '/lenient']) {
      const lines = await guarded.send(path, ['Bearer good', 'Bearer good']);
      const beside = await guarded.send(`${path}?access_token=x`, 'Bearer good');
      for (const { status, headers, body } of [lines, beside]) {
        expect(status).toBe(400);
        expect(headers['www-authenticate']).toContain('error="invalid_request"');
        expect(body).toEqual({
          statusCode: 400,
          message: 'more than one credential was sent',
          errorCode: 'invalid_request',
        });
      }
    }
    expect([handled, calls()]).toEqual([0, 0]);
    expect(events.seen).toEqual(Array.from({ length: 6 }, () => ({ type: 'two_credentials' })));
  });

  it('reads nothing and sends no question on a public route', async () => {
    await start();
    for (const header of [undefined, 'Bearer unasked', ['Bearer good', 'Bearer good']]) {
      expect(await guarded.send('/open', header)).toMatchObject({ status: 200, body: { user: null } });
    }
    expect(calls()).toBe(0);
  });

  it('lets anonymous callers into an optional route, and refuses a bad token unless it says otherwise', async () => {
    await start();
    const outcome = async (path: string, header?: string) => (await guarded.send(path, header)).status;
    expect(await outcome('/optional')).toBe(200);
    expect(await outcome('/optional', 'Basic QQ==')).toBe(200);
    expect(await outcome('/optional', 'Bearer expired')).toBe(401);
    expect(await outcome('/optional', 'Bearer A B')).toBe(401);
    for (const header of ['Bearer expired', 'Bearer A B', 'Bearer later-revoked']) {
      expect(await guarded.send('/lenient', header)).toMatchObject({ status: 200, body: { user: null } });
    }
    expect(await guarded.send('/lenient', 'Bearer good')).toMatchObject({ status: 200, body: { user: 'u1' } });
  });

  it('demands scopes on every request, of a token that is known to be good', async () => {
    await start();
    expect((await guarded.send('/email', 'Bearer good')).status).toBe(200);
    const { status, headers, body } = await guarded.send('/profile', 'Bearer good');
    expect(status).toBe(403);
    expect(headers['www-authenticate']).toBe(
      `${bare}, error="insufficient_scope", error_description="the bearer token lacks a required scope", ` +
        'scope="email profile"',
    );
    expect(headers['cache-control']).toBe('no-store');
    expect(body).toMatchObject({ errorCode: 'insufficient_scope' });
  });

  it('asks an anonymous caller of an optional route to sign in where a scope is required', async () => {
    await start();
    const { status, headers } = await guarded.send('/optional-email');
    expect([status, headers['www-authenticate']]).toEqual([401, bare]);
    expect((await guarded.send('/optional-email', 'Bearer good')).status).toBe(200);
  });

  it("hands the route's policy to the authenticator", async () => {
    await start();
    await guarded.send('/now', 'Bearer good');
    expect(guarded.authenticator.calls).toEqual([{ token: 'good', policy: { maxAgeMs: 0, tokenType: 'token' } }]);
  });

  it('decides once where a global guard and a guard of the route meet', async () => {
    await start();
    expect(await guarded.send('/twice', 'Bearer good')).toMatchObject({ status: 200, body: { user: 'u1' } });
    expect(calls()).toBe(1);
  });

  it.each(['HEAD', 'OPTIONS', 'PROPFIND', 'POST'])('never opens a route to %s', async (method) => {
    await start();
    for (const path of ['/me', '/head', '/options']) {
      expect([400, 401, 404, 405, 501]).toContain((await guarded.send(path, undefined, method)).status);
    }
    expect(handled).toBe(0);
  });
});

describe('NowggAuthGuard', () => {
  class Handlers {
    read() {}
    @NowggAuth({ maxAgeMs: 0 }) fresh() {}
  }
  const options = { identityProviders: [], realm: 'nowgg', verification: { maxAgeMs: 30_000 } } as never;
  const contextOf = (args: unknown[], handler: keyof Handlers = 'read'): ExecutionContextHost =>
    new ExecutionContextHost(args, Handlers, Handlers.prototype[handler]);
  const headersOf = () => {
    const headers: Record<string, string> = {};
    return { headers, response: { setHeader: (name: string, value: string) => (headers[name] = value) } };
  };

  it.each(['ws', 'rpc', 'graphql', 'carrier-pigeon'])('denies the context %s with an exception', (type) => {
    const guard = new NowggAuthGuard(new FakeAuthenticator(), options);
    const context = contextOf([{ headers: { authorization: 'Bearer good' } }, {}]);
    context.setType(type);
    expect(() => guard.canActivate(context)).toThrow(NowggConfigurationError);
  });

  it('makes no promise when the verdict is there', () => {
    const guard = new NowggAuthGuard(new FakeAuthenticator(), options);
    const request = { headers: { authorization: 'Bearer good' } };
    expect(guard.canActivate(contextOf([request, {}]))).toBe(true);
  });

  it('decides again when the same request reaches another route', () => {
    const authenticator = new FakeAuthenticator();
    const guard = new NowggAuthGuard(authenticator, options);
    const request = { headers: { authorization: 'Bearer good' } };
    expect(guard.canActivate(contextOf([request, {}]))).toBe(true);
    expect(guard.canActivate(contextOf([request, {}], 'fresh'))).toBe(true);
    expect(authenticator.calls).toHaveLength(2);
  });

  it('decides about each request where an adapter gives all of them one list of raw headers', () => {
    const authenticator = new FakeAuthenticator();
    const guard = new NowggAuthGuard(authenticator, options);
    const rawHeaders: string[] = [];
    const requestWith = (token: string) =>
      Object.assign(new IncomingMessage(new Socket()), { headers: { authorization: `Bearer ${token}` }, rawHeaders });
    const { response } = headersOf();
    expect(guard.canActivate(contextOf([requestWith('good'), {}]))).toBe(true);
    expect(() => guard.canActivate(contextOf([requestWith('expired'), response]))).toThrow(InvalidTokenError);
    expect(authenticator.calls).toHaveLength(2);
  });

  it('decides once where an adapter makes the raw headers anew for each reader', () => {
    const authenticator = new FakeAuthenticator();
    const guard = new NowggAuthGuard(authenticator, options);
    const request = {
      headers: { authorization: 'Bearer good' },
      get rawHeaders() {
        return ['Authorization', 'Bearer good'];
      },
    };
    for (const _ of [1, 2]) expect(guard.canActivate(contextOf([request, {}]))).toBe(true);
    expect(authenticator.calls).toHaveLength(1);
  });

  describe('on a connection that outlives its request', () => {
    /** An application's guard for sockets: every message is judged by what the connection was opened with. */
    class SocketGuard extends NowggAuthGuard {
      protected override getRequest(context: ExecutionContextHost) {
        return context.getArgByIndex<{ handshake: AuthenticatedRequest }>(0).handshake;
      }
    }
    const handshake = () => ({
      headers: { authorization: 'Bearer good' },
      rawHeaders: ['authorization', 'Bearer good'],
    });
    const node = () => Object.assign(new IncomingMessage(new Socket()), handshake());

    it.each([
      ['ws', handshake],
      ['ws', node],
      ['graphql', node],
      ['rpc', handshake],
    ])('decides anew for each message: %s', (type, opened) => {
      const authenticator = new FakeAuthenticator();
      const guard = new SocketGuard(authenticator, options);
      const context = contextOf([{ handshake: opened() }, {}]);
      context.setType(type);
      expect(guard.canActivate(context)).toBe(true);
      authenticator.verdicts.set('good', { status: 'invalid', reason: 'revoked_token' });
      expect(() => guard.canActivate(context)).toThrow(InvalidTokenError);
    });

    it('decides anew where a context for the handshake is made by hand', () => {
      const authenticator = new FakeAuthenticator();
      const guard = new NowggAuthGuard(authenticator, options);
      const opened = node();
      expect(guard.canActivate(contextOf([opened]))).toBe(true);
      authenticator.verdicts.set('good', { status: 'invalid', reason: 'expired_token' });
      expect(() => guard.canActivate(contextOf([opened]))).toThrow(InvalidTokenError);
    });

    it('takes no decision of the upgrade request itself over into a message', () => {
      const authenticator = new FakeAuthenticator();
      const opened = node();
      expect(new NowggAuthGuard(authenticator, options).canActivate(contextOf([opened, {}]))).toBe(true);
      authenticator.verdicts.set('good', { status: 'invalid', reason: 'revoked_token' });
      const context = contextOf([{ handshake: opened }, {}]);
      context.setType('ws');
      expect(() => new SocketGuard(authenticator, options).canActivate(context)).toThrow(InvalidTokenError);
    });
  });

  it.each([{ provider: 'nobody' }, { maxAgeMs: 60_000 }])(
    'denies a route whose policy this module cannot keep: %p',
    (policy) => {
      class Unkept {
        @NowggAuth(policy) route() {}
      }
      const authenticator = new FakeAuthenticator();
      const { headers, response } = headersOf();
      const request = { headers: { authorization: 'Bearer good' } };
      const context = new ExecutionContextHost([request, response], Unkept, Reflect.get(Unkept.prototype, 'route'));
      const judged = () => new NowggAuthGuard(authenticator, options).canActivate(context);
      expect(judged).toThrow(NowggConfigurationError);
      expect(judged).toThrow('@NowggAuth: ');
      expect(headers).toMatchObject({ 'Cache-Control': 'no-store' });
      expect(authenticator.calls).toEqual([]);
    },
  );

  it('leaves the decision to each when the guards of two modules meet', () => {
    const [first, second] = [new FakeAuthenticator(), new FakeAuthenticator()];
    second.verdicts.set('good', { status: 'valid', principal: principalOf(factsOf('u9')) });
    const request: AuthenticatedRequest = { headers: { authorization: 'Bearer good' } } as AuthenticatedRequest;
    for (const authenticator of [first, second]) {
      expect(new NowggAuthGuard(authenticator, options).canActivate(contextOf([request, {}]))).toBe(true);
    }
    expect(second.calls).toHaveLength(1);
    expect(request.user).toMatchObject({ userId: 'u9' });
  });

  it('denies with the failure of an authenticator that breaks its promise never to fail', async () => {
    const authenticator = new FakeAuthenticator();
    authenticator.authenticate = () => Promise.reject(new NowggConfigurationError('broken'));
    const { headers, response } = headersOf();
    const request = { headers: { authorization: 'Bearer good' } };
    const admitted = new NowggAuthGuard(authenticator, options).canActivate(contextOf([request, response]));
    await expect(admitted).rejects.toThrow('broken');
    expect(headers).toEqual({ 'Cache-Control': 'no-store' });
  });

  it('can be adapted step by step', async () => {
    class CookieGuard extends NowggAuthGuard {
      protected override getCredential() {
        return { outcome: 'token', token: 'good' } as const;
      }
    }
    const request: AuthenticatedRequest = {};
    expect(new CookieGuard(new FakeAuthenticator(), options).canActivate(contextOf([request, {}]))).toBe(true);
    expect(request.user).toBeInstanceOf(NowggPrincipal);
  });
});
