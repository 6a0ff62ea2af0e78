import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type CanActivate, Controller, type ExecutionContext, Get, Injectable, Post, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import {
  memoryTokenStore,
  NowggAuth,
  NowggAuthGuard,
  NowggAuthModule,
  type NowggAuthModuleOptions,
  NowggPrincipal,
  NowggRevocationService,
  NowggUser,
  nowgg,
  OptionalAuth,
  Public,
  RequireScopes,
} from 'nestjs-nowgg-auth';
import {
  asUser,
  fakePrincipal,
  overrideNowggAuth,
  TestClock,
  testCode,
  testToken,
  type TestUserHeaders,
} from 'nestjs-nowgg-auth/testing';
import { strongKey } from '../testing-support/strong-key.js';

@Controller()
class GameController {
  @Get('me') me(@NowggUser() player: NowggPrincipal) {
    return { userId: player.userId, provider: player.provider, scopes: player.scopes, tokenType: player.tokenType };
  }
  @Get('profile') @RequireScopes('profile') profile(@NowggUser('claims') claims: object) {
    return claims;
  }
  @Post('buy') @NowggAuth({ maxAgeMs: 0, allowStale: false, tokenType: 'token' }) buy(@NowggUser('userId') id: string) {
    return { id };
  }
  @Get('board') @OptionalAuth() board(@NowggUser() player: NowggPrincipal | undefined) {
    return { you: player?.userId ?? 'nobody' };
  }
  @Get('web') @NowggAuth({ provider: 'web' }) web(@NowggUser('userId') id: string) {
    return { id };
  }
  @Get('open') @Public() open() {
    return 'open';
  }
}

@UseGuards(NowggAuthGuard)
@Controller('own')
class OwnGuardController {
  @Get() me(@NowggUser('userId') id: string) {
    return { id };
  }
}

const CLIENT = {
  clientId: 'game',
  clientSecret: 'secret',
  baseUrl: 'http://127.0.0.1:9',
  strategyName: false as const,
};
const WEB = nowgg({ name: 'web', clientId: 'web-game', clientSecret: 'secret', baseUrl: 'http://127.0.0.1:9' });

let close: () => Promise<void> = async () => undefined;
afterEach(async () => close());

function builderWith(options: Partial<NowggAuthModuleOptions> = {}, providers: object[] = []): TestingModuleBuilder {
  return Test.createTestingModule({
    imports: [NowggAuthModule.forRoot({ ...CLIENT, identityProviders: [WEB], ...options })],
    controllers: [OwnGuardController, ...(options.globalGuard || providers.length > 0 ? [GameController] : [])],
    providers: providers as [],
  });
}

async function start(builder: TestingModuleBuilder) {
  const app = (await builder.compile()).createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  close = () => app.close();
  const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  const get = async (path: string, headers?: TestUserHeaders, init: RequestInit = {}) => {
    const answer = await fetch(`${url}${path}`, { ...(headers && { headers }), ...init });
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith('{') ? (JSON.parse(text) as unknown) : text };
  };
  return { app, get };
}

describe('overrideNowggAuth', () => {
  it.each([true, 'first', false] as const)(
    'makes a request that of a player in one line, globalGuard: %s',
    async (globalGuard) => {
      const { get } = await start(overrideNowggAuth(builderWith({ globalGuard })));
      expect(await get('/own', asUser('player-1'))).toEqual({ status: 200, body: { id: 'player-1' } });
      expect(await get('/own')).toMatchObject({ status: 401, body: { errorCode: 'missing_token' } });
    },
  );

  it('keeps the rules of routes: scopes, kinds of token, providers, anonymous callers', async () => {
    const { get } = await start(overrideNowggAuth(builderWith({ globalGuard: true })));
    expect(await get('/profile', asUser('p'))).toMatchObject({
      status: 403,
      body: { errorCode: 'insufficient_scope' },
    });
    const claims = { level: 7 };
    expect(await get('/profile', asUser('p', { scopes: ['profile'], claims }))).toEqual({ status: 200, body: claims });
    const post = { method: 'POST' };
    expect((await get('/buy', asUser('p'), post)).status).toBe(201);
    expect((await get('/buy', asUser('p', { tokenType: 'id_token' }), post)).body).toMatchObject({
      errorCode: 'wrong_token_type',
    });
    expect((await get('/board')).body).toEqual({ you: 'nobody' });
    expect((await get('/board', asUser('p'))).body).toEqual({ you: 'p' });
    expect((await get('/me', asUser('p', { provider: 'web' }))).body).toMatchObject({ provider: 'web' });
    expect((await get('/web', asUser('p', { provider: 'web' }))).status).toBe(200);
    expect((await get('/web', asUser('p'))).status).not.toBe(200);
    expect((await get('/open')).body).toBe('open');
  });

  it('refuses tokens that the test kit has not signed, each with a 401 and never a 503', async () => {
    const { get } = await start(overrideNowggAuth(builderWith({ globalGuard: true })));
    const [head, payload, signature] = testToken('player-1').split('.');
    const forged = Buffer.from(payload ?? '', 'base64url')
      .toString()
      .replace('player-1', 'player-2');
    const altered = `${head}.${Buffer.from(forged).toString('base64url')}.${signature}`;
    for (let i = 0; i < 8; i += 1) {
      expect((await get('/me', { authorization: `Bearer ${altered}${'A'.repeat(i)}` })).status).toBe(401);
      expect((await get('/me', { authorization: `Bearer stranger-${i}` })).status).toBe(401);
    }
    expect((await get('/me', { authorization: `Bearer ${testCode('p')}` })).status).toBe(401);
    expect((await get('/me', asUser('p'))).status).toBe(200);
  });

  it('lets a moved clock expire a token', async () => {
    const clock = new TestClock();
    const { get } = await start(overrideNowggAuth(builderWith({ globalGuard: true }), { clock }));
    const player = asUser('p');
    expect((await get('/me', player)).status).toBe(200);
    clock.advance(2 * 3_600_000);
    expect(await get('/me', player)).toMatchObject({ status: 401, body: { errorCode: 'expired_token' } });
    expect((await get('/me', asUser('q', { expiresAt: new Date(0) }))).body).toMatchObject({
      errorCode: 'expired_token',
    });
  });

  it('refuses a player who is banned by the real service', async () => {
    const { app, get } = await start(overrideNowggAuth(builderWith({ globalGuard: true })));
    expect((await get('/me', asUser('p'))).status).toBe(200);
    await app.get(NowggRevocationService).revoke({ userId: 'p', provider: 'nowgg' });
    expect((await get('/me', asUser('p', { issuedAt: new Date(0) }))).body).toMatchObject({
      errorCode: 'revoked_token',
    });
    expect((await get('/me', asUser('q'))).status).toBe(200);
  });

  it('signs in, refreshes and signs out at the ready-made routes', async () => {
    const tokens = { encryptionKeys: [{ id: 'k1', key: strongKey(1) }] };
    const { get } = await start(
      overrideNowggAuth(
        builderWith({ identityProviders: [], tokenStore: memoryTokenStore(), routes: true, tokens, globalGuard: true }),
      ),
    );
    const post = (path: string, body: object) =>
      get(path, undefined, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const { status, body } = await post('/auth/login', { code: testCode('p', { scopes: ['profile'], name: 'Asha' }) });
    expect([status, body]).toEqual([200, expect.objectContaining({ user: expect.objectContaining({ name: 'Asha' }) })]);
    const { token, session, generation } = body as { token: string; session: string; generation: number };
    expect((await get('/profile', { authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await get('/auth/userinfo', { authorization: `Bearer ${token}` })).body).toMatchObject({ name: 'Asha' });
    const refreshed = (await post('/auth/refresh', { session, generation })).body as { token: string };
    expect((await get('/me', { authorization: `Bearer ${refreshed.token}` })).status).toBe(200);
    expect((await post('/auth/logout', { session })).status).toBe(204);
    expect((await post('/auth/login', { code: 'no-such-code' })).body).toMatchObject({ errorCode: 'invalid_grant' });
  });

  it('refuses to run in production', () => {
    const before = process.env.NODE_ENV;
    process.env.NODE_ENV = 'production';
    try {
      expect(() => overrideNowggAuth(builderWith())).toThrow('is for tests');
    } finally {
      process.env.NODE_ENV = before;
    }
  });
});

class MockGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    context.switchToHttp().getRequest<{ user?: unknown }>().user = fakePrincipal('mocked');
    return true;
  }
}
@Injectable()
class MockGuardWithDependency extends MockGuard {}
class UserWithoutPrincipal implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    context.switchToHttp().getRequest<{ user?: unknown }>().user = { userId: 'plain' };
    return true;
  }
}

describe.each([
  ['overrideGuard', (builder: TestingModuleBuilder) => builder.overrideGuard(NowggAuthGuard)],
  ['overrideProvider', (builder: TestingModuleBuilder) => builder.overrideProvider(NowggAuthGuard)],
] as const)('%s(NowggAuthGuard)', (_name, override) => {
  describe.each([true, false])('with globalGuard: %s', (globalGuard) => {
    it.each([
      ['a value', (builder: TestingModuleBuilder) => override(builder).useValue(new MockGuard())],
      ['a class', (builder: TestingModuleBuilder) => override(builder).useClass(MockGuardWithDependency)],
      [
        'a factory',
        (builder: TestingModuleBuilder) => override(builder).useFactory({ factory: () => new MockGuard() }),
      ],
    ])('takes %s in the place of the guard, and @NowggUser() has its user', async (_kind, replaced) => {
      const { get } = await start(replaced(builderWith({ globalGuard })));
      expect(await get('/own')).toEqual({ status: 200, body: { id: 'mocked' } });
    });
  });

  it.each([true, 'first'] as const)('replaces the global guard, globalGuard: %s', async (globalGuard) => {
    const { get } = await start(override(builderWith({ globalGuard })).useValue(new MockGuard()));
    expect((await get('/me')).body).toMatchObject({ userId: 'mocked' });
  });

  it('replaces the guard where options and dependencies come late', async () => {
    const late = NowggAuthModule.forRootAsync({
      useFactory: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return { clientId: 'game' };
      },
    });
    const builder = Test.createTestingModule({ imports: [late], controllers: [OwnGuardController] });
    const { get } = await start(override(builder).useValue(new MockGuard()));
    expect((await get('/own')).body).toEqual({ id: 'mocked' });
  });

  it('answers 500 and names the helpers when the guard sets no principal', async () => {
    const { get } = await start(override(builderWith()).useValue(new UserWithoutPrincipal()));
    expect(await get('/own')).toMatchObject({
      status: 500,
      body: { errorCode: 'configuration', message: expect.stringMatching(/fakePrincipal.*asUser/) },
    });
  });
});

describe('A guard of the application', () => {
  it('is replaced by overrideProvider where it is registered by hand', async () => {
    const builder = builderWith({}, [{ provide: APP_GUARD, useExisting: NowggAuthGuard }]);
    const { get } = await start(builder.overrideProvider(NowggAuthGuard).useValue(new MockGuard()));
    expect((await get('/me')).body).toMatchObject({ userId: 'mocked' });
  });
});
