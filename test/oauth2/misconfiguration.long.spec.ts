import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { NowggConfigurationError } from 'nestjs-nowgg-auth';
import { introspection, jwt, oauth2, type OAuth2ProviderOptions, userinfo } from 'nestjs-nowgg-auth/oauth2';
import { Authenticated } from './support/authenticated.js';
import { Browser } from './support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { DocumentServer } from './support/document-server.js';
import { Issuer } from './support/issuer.js';
import { ScriptedSystem } from './support/scripted-system.js';
import { SecurityEvents } from './support/security-events.js';
import { authgearShape } from './support/shapes.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

const TOKEN_PATH = '/oauth2/token';
const DISCOVERY = '/.well-known/openid-configuration';

describe('a lasting misconfiguration', () => {
  let system: IdentitySystem;
  let events: SecurityEvents;
  const lines: string[] = [];
  const opened: AsyncDisposable[] = [];

  beforeEach(async () => {
    system = await IdentitySystem.start(authgearShape('jwt'));
    events = new SecurityEvents();
    lines.length = 0;
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((line: unknown) => void lines.push(String(line)));
  });
  afterEach(async () => {
    for (const part of opened.splice(0)) await part[Symbol.asyncDispose]();
    events[Symbol.dispose]();
    await system[Symbol.asyncDispose]();
    jest.restoreAllMocks();
  });

  const gameWith = async (options: Partial<OAuth2ProviderOptions> = {}) => {
    const game = await WebGame.start([
      oauth2({
        name: 'web',
        issuer: system.url,
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        clientAuthentication: 'post',
        redirectUri: REDIRECT_URI,
        verification: jwt({ audience: system.url }),
        ...options,
      }),
    ]);
    opened.push(game);
    return game;
  };
  /** The details of the events, each once. */
  const told = () => [...new Set(events.of('misconfigured_provider').map(({ detail }) => detail))];
  /** One log line for each detail, which contains it. */
  const expectOneLine = (option: string | RegExp) => {
    const own = lines.filter((line) => line.startsWith('misconfigured_provider'));
    expect(own).toEqual([expect.stringMatching(option)]);
    expect(own.join()).not.toContain(CLIENT_SECRET);
  };

  it('is not told where everything fits', async () => {
    const { grant } = await (await gameWith()).signIn();
    expect(grant.state).toBe('active');
    expect(told()).toEqual([]);
  });

  it('of the client secret is a 500 for each sign-in, with one request and one log line', async () => {
    const game = await gameWith({ clientSecret: 'wrong' });
    const browser = new Browser();
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const error = await game.signIn(browser).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(NowggConfigurationError);
      expect(error).toMatchObject({ status: 500, message: expect.stringContaining('clientAuthentication') });
    }
    // Each other sign-in is told the same without a request.
    expect(system.seenAt(TOKEN_PATH)).toHaveLength(1);
    expectOneLine('clientSecret');
    expect(await game.tokens.listGrants('player-1')).toEqual([]);
  });

  it('of the client secret costs no code: the same callback may be sent again', async () => {
    const game = await gameWith();
    const browser = new Browser();
    const callback = await game.sendOut(browser);
    system.tamper = (path, body) => (path === TOKEN_PATH ? { error: 'invalid_client' } : body);
    const change = system.tamper;
    system.tamper = (path, body, response) => {
      if (path === TOKEN_PATH) response.statusCode = 401;
      return change(path, body, response);
    };
    await expect(game.finish(browser, callback)).rejects.toMatchObject({ status: 500 });
    system.tamper = undefined;
    game.clock.advance(60_000);
    // This identity system has used the code up; another one would not have read it.
    await expect(game.finish(browser, callback)).rejects.toMatchObject({ errorCode: 'invalid_grant' });
    expect(system.seenAt(TOKEN_PATH)).toHaveLength(2);
  });

  it('of the client authentication is told at the start, from the metadata', async () => {
    system.tamper = (path, body) =>
      path === DISCOVERY ? { ...body, token_endpoint_auth_methods_supported: ['client_secret_basic', '<b>'] } : body;
    await gameWith();
    expect(told()).toEqual(['clientAuthentication is not offered: the metadata lists basic']);
    expectOneLine('clientAuthentication');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['signed request objects', { require_signed_request_object: true }, 'signed request objects'],
    ['form_post', { response_modes_supported: ['form_post'] }, 'response_modes_supported'],
  ])('of the authorization request (%s) is told at the start, and starts no sign-in', async (_name, members, word) => {
    system.tamper = (path, body) => (path === DISCOVERY ? { ...body, ...members } : body);
    const game = await gameWith();
    expect(told()).toEqual([expect.stringContaining(word)]);
    await expect(game.authorization.authorizationUrl('web')).rejects.toMatchObject({
      status: 500,
      message: expect.stringContaining(word),
    });
    expectOneLine(word);
  });

  it.each(['id_token_signing_alg_values_supported', 'code_challenge_methods_supported'])(
    'of %s is told at the start, and tried',
    async (name) => {
      system.tamper = (path, body) => (path === DISCOVERY ? { ...body, [name]: ['XX'] } : body);
      const game = await gameWith();
      expect(told()).toHaveLength(1);
      expect((await game.signIn()).principal.userId).toBe('player-1');
    },
  );

  it.each<[string, unknown]>([
    ['text', 'client_secret_basic'],
    ['an empty list', []],
    ['null', null],
    ['numbers', { length: 1 }],
  ])('is not read from metadata that has %s instead of a list', async (_name, value) => {
    system.tamper = (path, body) =>
      path === DISCOVERY ? { ...body, token_endpoint_auth_methods_supported: value } : body;
    await gameWith();
    expect(told()).toEqual([]);
  });

  it('of the id_token algorithm names the option, and ends the grant at the identity system', async () => {
    const game = await gameWith({ idTokenAlgorithm: 'ES256' });
    await expect(game.signIn()).rejects.toMatchObject({
      status: 500,
      message: expect.stringContaining('idTokenAlgorithm'),
    });
    expect(system.seenAt('/oauth2/revoke')).toHaveLength(1);
    expect(told()).toEqual([
      'idTokenAlgorithm is not among the algorithms that the metadata lists',
      'idTokenAlgorithm is not the algorithm of the id_tokens',
    ]);
    expect(await game.tokens.listGrants('player-1')).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['bound to a key', { token_type: 'DPoP' }, 'bound to a key'],
    ['beside an encrypted id_token', { id_token: `${base64({ alg: 'RSA-OAEP', enc: 'A128GCM' })}.a.b.c.d` }, 'encrypt'],
    ['beside an id_token with HS256', { id_token: `${base64({ alg: 'HS256' })}.e30.x` }, 'idTokenAlgorithm'],
  ])('of tokens %s names the registration', async (_name, members, word) => {
    const game = await gameWith();
    system.tamper = (path, body) => (path === TOKEN_PATH ? { ...body, ...members } : body);
    await expect(game.signIn()).rejects.toMatchObject({ status: 500, message: expect.stringContaining(word) });
    expectOneLine(word);
  });

  it.each(['DPoP proof JWT is missing', 'mutual TLS client certificate not provided'])(
    'of tokens that must be bound is read from the refusal %j',
    async (description) => {
      const game = await gameWith();
      system.tamper = (path, body, response) => {
        if (path !== TOKEN_PATH) return body;
        response.statusCode = 400;
        return { error: 'invalid_grant', error_description: description };
      };
      await expect(game.signIn()).rejects.toMatchObject({
        status: 500,
        message: expect.stringContaining('bound to a key'),
      });
    },
  );

  it('is suspected when the third code in a row is refused, and not when one succeeded between them', async () => {
    const game = await gameWith();
    const refuse = async (times: number) => {
      system.tamper = (path, body, response) => {
        if (path !== TOKEN_PATH) return body;
        response.statusCode = 400;
        return { error: 'invalid_grant' };
      };
      for (let attempt = 0; attempt < times; attempt += 1) {
        await expect(game.signIn()).rejects.toMatchObject({ status: 400, errorCode: 'invalid_grant' });
      }
      system.tamper = undefined;
    };
    await refuse(2);
    await game.signIn();
    await refuse(2);
    expect(told()).toEqual([]);
    await refuse(1);
    expect(told()).toEqual([expect.stringContaining('redirectUri')]);
  });

  it.each([
    ['audience', jwt({ audience: 'https://another.example' })],
    ['algorithms', jwt({ audience: 'https://api.example', algorithms: ['ES256'] })],
    ['typ', jwt({ audience: 'https://api.example', typ: 'other+jwt' })],
  ])('of jwt %s is told at the first sign-in', async (option, verification) => {
    const game = await gameWith({ verification });
    await expect(game.signIn()).rejects.toMatchObject({ status: 500, message: expect.stringContaining(option) });
    expectOneLine(option);
    expect(await game.tokens.listGrants('player-1')).toEqual([]);
  });

  it('of userinfo() for tokens of another audience is told at the first sign-in', async () => {
    const game = await gameWith({ verification: userinfo() });
    await expect(game.signIn()).rejects.toMatchObject({ status: 500, message: expect.stringContaining('userinfo()') });
    expectOneLine('audience');
  });

  it('is not what a stranger with a refused token sees', async () => {
    const game = await gameWith({ verification: jwt({ audience: 'https://another.example' }) });
    expect(await game.outcome('x.y.z')).toBe('invalid: invalid_token');
    expect(told()).toEqual([]);
  });

  it.each(['invalid_request', 'invalid_scope', 'invalid_target', 'unauthorized_client', 'unsupported_response_type'])(
    'of the authorization request (%s) has a log line, unlike a refusal by the player',
    async (error) => {
      const game = await gameWith();
      const refusedWith = async (code: string) => {
        const browser = new Browser();
        const callback = new URL(await game.sendOut(browser));
        callback.searchParams.delete('code');
        callback.searchParams.set('error', code);
        return game.finish(browser, callback.href).catch((thrown: unknown) => thrown);
      };
      expect(await refusedWith('access_denied')).toMatchObject({ status: 400 });
      expect(told()).toEqual([]);
      expect(await refusedWith(error)).toMatchObject({ status: 400, errorCode: 'invalid_grant' });
      expectOneLine('pushedAuthorizationRequests');
    },
  );

  it('is not made of an outage: status 500 and silence stay a 503', async () => {
    const game = await gameWith();
    system.mood = 'broken';
    await expect(game.signIn()).rejects.toMatchObject({ name: 'Error' });
    system.mood = 'up';
    const browser = new Browser();
    const callback = await game.sendOut(browser);
    for (const mood of ['broken', 'gone'] as const) {
      system.mood = mood;
      await expect(game.finish(browser, callback)).rejects.toMatchObject({ status: 503 });
      game.clock.advance(60_000);
    }
    system.mood = 'up';
    expect((await game.finish(browser, callback)).principal.userId).toBe('player-1');
    expect(told()).toEqual([]);
  });

  it('keeps every session: a refresh with a wrong secret is a 503, and goes on when the secret is right', async () => {
    const game = await gameWith();
    const { grant } = await game.signIn();
    system.tamper = (path, body, response) => {
      if (path !== TOKEN_PATH) return body;
      response.statusCode = 401;
      return { error: 'invalid_client' };
    };
    await expect(game.tokens.refresh(grant.id)).rejects.toMatchObject({ status: 503 });
    expectOneLine('clientSecret');
    system.tamper = undefined;
    game.clock.advance(60_000);
    expect(await game.tokens.listGrants('player-1')).toMatchObject([{ state: 'active' }]);
  });

  it('of the application token names the client', async () => {
    const game = await gameWith({ clientSecret: 'wrong' });
    await expect(game.applicationTokens.getApplicationToken()).rejects.toMatchObject({ status: 500 });
    expectOneLine('clientSecret');
  });
});

describe('an issuer', () => {
  const gameAt = async ({ url }: DocumentServer) => {
    const client = { clientId: CLIENT_ID, redirectUri: REDIRECT_URI };
    const verification = jwt({ audience: 'https://api.example.com' });
    return WebGame.start([oauth2({ name: 'web', issuer: url, ...client, verification })]);
  };

  it.each([
    ['without the slash of its document', '/tenant/', ''],
    ['with a slash that its document has not', '/tenant', '/'],
  ])('%s is the same issuer', async (_name, documented, given) => {
    await using issuer = await Issuer.start();
    const document = { issuer: `${issuer.url}${documented}`, jwks_uri: `${issuer.url}/jwks` };
    await using system = await DocumentServer.start(
      { '/tenant/.well-known/openid-configuration': document },
      'application/json',
    );
    const named = { ...document, issuer: `${system.url}${documented}` };
    system.documents['/tenant/.well-known/openid-configuration'] = named;
    await using game = await Authenticated.by([
      oauth2({
        name: 'web',
        issuer: `${system.url}/tenant${given}`,
        clientId: CLIENT_ID,
        verification: jwt({ audience: 'https://api.example.com' }),
      }),
    ]);
    const now = Math.floor(Date.now() / 1000);
    const claims = { aud: 'https://api.example.com', sub: 'player-1', client_id: CLIENT_ID, jti: 'j1', iat: now };
    const token = await issuer.sign({ ...claims, iss: named.issuer, exp: now + 60 });
    expect(await game.outcome(token)).toBe('valid');
    const other = documented.endsWith('/') ? named.issuer.slice(0, -1) : `${named.issuer}/`;
    expect(await game.outcome(await issuer.sign({ ...claims, iss: other, exp: now + 60, jti: 'j2' }))).toBe(
      'invalid: invalid_token',
    );
  });

  it('that its document does not name is a lasting fault: unknown for tokens, 500 for sign-ins', async () => {
    using events = new SecurityEvents();
    await using system = await DocumentServer.start(
      { [DISCOVERY]: { issuer: 'https://another.example/' } },
      'application/json',
    );
    await using game = await gameAt(system);
    await expect(game.authorization.authorizationUrl('web')).rejects.toMatchObject({
      status: 500,
      message: expect.stringContaining('issuer'),
    });
    expect(events.of('misconfigured_provider')[0]?.detail).not.toContain('another.example');
  });

  it('without a document stays an outage, with an event', async () => {
    using events = new SecurityEvents();
    await using system = await DocumentServer.start({}, 'application/json');
    await using game = await gameAt(system);
    await expect(game.authorization.authorizationUrl('web')).rejects.toMatchObject({ status: 503 });
    expect(events.of('misconfigured_provider')[0]?.detail).toContain('discovery document');
  });
});

describe('a key set', () => {
  it.each(['text/plain', 'application/octet-stream', undefined])('may be declared as %s', async (type) => {
    await using issuer = await Issuer.start();
    await using system = await DocumentServer.start({}, type);
    issuer.discovery = { jwks_uri: `${system.url}/keys` };
    system.documents['/keys'] = { keys: issuer.keys.map((key) => key.publicJwk) };
    await using game = await Authenticated.by([
      oauth2({ name: 'web', issuer: issuer.url, clientId: CLIENT_ID, verification: jwt({ audience: 'https://api' }) }),
    ]);
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer.url, aud: 'https://api', sub: 'player-1', client_id: CLIENT_ID, jti: 'j1', iat: now };
    expect(await game.outcome(await issuer.sign({ ...claims, exp: now + 60 }))).toBe('valid');
  });

  it.each(['<html></html>', '', '[]', '"keys"', '{"keys":[]}'])('is not made of the page %j', async (page) => {
    await using issuer = await Issuer.start();
    await using system = await ScriptedSystem.start();
    system.reply = { headers: { 'content-type': 'text/html' }, body: page };
    issuer.discovery = { jwks_uri: `${system.url}/keys` };
    await using game = await Authenticated.by([
      oauth2({ name: 'web', issuer: issuer.url, clientId: CLIENT_ID, verification: jwt({ audience: 'https://api' }) }),
    ]);
    const claims = { iss: issuer.url, aud: 'https://api', sub: 'player-1', client_id: CLIENT_ID, jti: 'j1' };
    const now = Math.floor(Date.now() / 1000);
    expect(await game.outcome(await issuer.sign({ ...claims, iat: now, exp: now + 60 }))).toBe(
      'unknown: invalid_response',
    );
  });
});

describe('an answer about a token', () => {
  it.each([
    ['userinfo', () => userinfo(), 'application/jwt', 'userinfo_signed_response_alg'],
    [
      'introspection',
      () => introspection(),
      'application/token-introspection+jwt',
      'introspection_signed_response_alg',
    ],
  ] as const)('by %s that is a JWT is a lasting fault: 500, and no other token suffers', async (...row) => {
    const [kind, method, type, word] = row;
    using events = new SecurityEvents();
    await using system = await ScriptedSystem.start();
    system.reply = { headers: { 'content-type': type }, body: 'e30.e30.x' };
    await using game = await WebGame.start([
      oauth2({
        name: 'web',
        endpoints: { [kind]: `${system.url}/${kind}` },
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        verification: method(),
      }),
    ]);
    const outcomes = await Promise.all(Array.from({ length: 30 }, async () => game.outcome('opaque')));
    expect(new Set(outcomes)).toEqual(new Set(['unknown: misconfigured']));
    expect(system.seen).toHaveLength(1);
    expect(await game.fetch('/guarded', 'opaque')).toMatchObject({ status: 500 });
    expect(events.of('misconfigured_provider')[0]?.detail).toContain(word);
    // It does not count as a broken connection: others are asked about at once.
    const asked = system.seen.length;
    for (let other = 0; other < 30; other += 1) await game.outcome(`other-${other}`);
    expect(system.seen).toHaveLength(asked + 30);
  });

  it('by an introspection endpoint that refuses the client is unknown, with an event', async () => {
    using events = new SecurityEvents();
    await using system = await ScriptedSystem.start();
    system.reply = { status: 401, body: { error: 'invalid_client' } };
    await using game = await Authenticated.by([
      oauth2({
        name: 'web',
        endpoints: { introspection: `${system.url}/introspect` },
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        verification: introspection(),
      }),
    ]);
    expect(await game.outcome('opaque')).toBe('unknown: own_credentials_suspect');
    expect(events.of('misconfigured_provider')[0]?.detail).toContain('clientSecret');
  });
});

function base64(header: object): string {
  return Buffer.from(JSON.stringify(header)).toString('base64url');
}
