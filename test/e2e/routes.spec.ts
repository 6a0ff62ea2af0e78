import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { memoryTokenStore, NowggAuthModule, NowggConfigurationError } from 'nestjs-nowgg-auth';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { EMULATED_CLIENT, GameWithRoutes } from '../support/game/game-with-routes.js';
import { Turnstile } from '../support/game/turnstile.js';

describe.each(['express', 'fastify'])('the ready-made routes on %s', (platform) => {
  let emulator: NowggEmulator;
  let game: GameWithRoutes;

  const post = (route: string, body: unknown) => game.post(route, body);
  const get = (path: string, token?: string) => game.get(path, token);
  const signIn = () => game.signIn();

  beforeAll(async () => {
    emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
    game = await GameWithRoutes.start(emulator, { routes: { path: 'session', guards: [Turnstile] } }, platform);
  });

  beforeEach(() => {
    Turnstile.isClosed = false;
  });

  afterAll(async () => {
    await game.close();
    await emulator.close();
  });

  it('sign a player in with a code, and accept the token', async () => {
    const response = await post('login', { code: emulator.issueCode() });
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const body = (await response.json()) as Record<string, unknown>;
    expect(body).toEqual({
      token: expect.any(String),
      tokenExpiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      generation: 1,
      session: expect.any(String),
      user: expect.objectContaining({ provider: 'nowgg', userId: expect.any(String), tokenType: 'token' }),
    });
    expect(body.user).not.toHaveProperty('claims');
    expect((await get('game', body.token as string)).status).toBe(200);
  });

  it('give fifty sign-ins at once with one code the same session, and ask for tokens once', async () => {
    const code = emulator.issueCode();
    const before = emulator.requestCount('token');
    const responses = await Promise.all(Array.from({ length: 50 }, async () => post('login', { code })));
    const bodies = (await Promise.all(responses.map(async (response) => response.json()))) as { session: string }[];
    expect(new Set(responses.map((response) => response.status))).toEqual(new Set([200]));
    expect(new Set(bodies.map((body) => body.session)).size).toBe(1);
    expect(emulator.requestCount('token') - before).toBe(1);
  });

  it.each([['nobody'], ['__proto__'], ['constructor'], ['a b'], ['']])(
    'answer a sign-in at the identity provider %p as a mistake of the caller',
    async (provider) => {
      const before = emulator.requestCount('token');
      const response = await post('login', { code: 'x', provider });
      expect([response.status, await response.json()]).toEqual([
        400,
        expect.objectContaining({ errorCode: 'invalid_request' }),
      ]);
      expect(emulator.requestCount('token')).toBe(before);
    },
  );

  it('refuse a body that is nested ten thousand deep, and one that is no object', async () => {
    const nested = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    const bodies = [`{"code":${nested},"session":${nested}}`, nested, '"text"', 'null'];
    for (const route of ['login', 'refresh', 'logout']) {
      for (const body of bodies) {
        const response = await fetch(`${game.url}/session/${route}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        });
        expect(response.status).toBe(400);
      }
    }
  });

  it.each([[{}], [{ code: 7 }], [{ code: ['a'] }], [{ code: { a: 1 } }], [{ code: '' }], [{ code: 'a\r\nb' }], [[]]])(
    'refuse to sign in with %j, without asking',
    async (body) => {
      const before = emulator.requestCount('token');
      const response = await post('login', body);
      expect(response.status).toBe(400);
      expect(((await response.json()) as { errorCode: string }).errorCode).toMatch(/^invalid_(?:grant|request)$/);
      expect(emulator.requestCount('token')).toBe(before);
    },
  );

  it('answer a code again to the attempt that used it, and to no other', async () => {
    const code = emulator.issueCode({ userId: emulator.addPlayer().userId });
    const attemptId = 'a'.repeat(43);
    const { session } = (await (await post('login', { code, attemptId })).json()) as { session: string };
    expect(await (await post('login', { code, attemptId })).json()).toMatchObject({ session });
    for (const other of [{}, { attemptId: 'b'.repeat(43) }]) {
      const refused = await post('login', { code, ...other });
      expect([refused.status, await refused.json()]).toEqual([
        400,
        expect.objectContaining({ errorCode: 'invalid_grant' }),
      ]);
    }
    for (const bad of ['short', 'x'.repeat(129), 7]) {
      expect(await (await post('login', { code, attemptId: bad })).json()).toMatchObject({
        errorCode: 'invalid_request',
      });
    }
  });

  it('answer a used code with invalid_grant', async () => {
    const response = await post('login', { code: 'never-issued' });
    expect([response.status, await response.json()]).toEqual([
      400,
      { statusCode: 400, message: 'the authorization code was refused', errorCode: 'invalid_grant' },
    ]);
  });

  it('hand out the stored token while it is good, and a new one for the generation that was refused', async () => {
    const { token, session, generation } = await signIn();
    expect(await (await post('refresh', { session })).json()).toMatchObject({ token, generation });
    const renewed = (await (await post('refresh', { session, generation })).json()) as Record<string, unknown>;
    expect(renewed).toMatchObject({ generation: generation + 1, token: expect.any(String) });
    expect(await (await post('refresh', { session, generation })).json()).toMatchObject({ token: renewed.token });
  });

  it('hand out the next handle with each use, and refuse one that is two behind', async () => {
    const { session } = await signIn();
    const use = async (body: object) => {
      const answer = await post('refresh', body);
      return (await answer.json()) as { session?: string; errorCode?: string; statusCode?: number };
    };
    const next = (await use({ session })).session as string;
    expect((await use({ session })).session).toBe(next);
    const newest = (await use({ session: next })).session as string;
    const refused = { statusCode: 401, errorCode: 'session_superseded' };
    expect(await use({ session })).toMatchObject(refused);
    for (const reread of ['true', 1, [true]]) expect((await use({ session, reread })).statusCode).toBe(400);
    expect(await use({ session: newest, reread: true })).toHaveProperty('session');
    expect(await use({ session, reread: true })).toMatchObject(refused);
    expect(await use({ session: newest })).toMatchObject({ errorCode: 'reauthentication_required' });
  });

  it.each(['the newest', 'the one before'])('sign out with %s of the handles', async (which) => {
    const { session, token } = await signIn();
    const { session: next } = (await (await post('refresh', { session })).json()) as { session: string };
    expect((await post('logout', { session: which === 'the newest' ? next : session })).status).toBe(204);
    expect([(await get('game', token)).status, (await post('refresh', { session: next })).status]).toEqual([401, 401]);
  });

  it('end a session for good: no refresh, and its token is refused', async () => {
    const { token, session } = await signIn();
    expect((await get('game', token)).status).toBe(200);
    const response = await post('logout', { session });
    expect([response.status, response.headers.get('cache-control')]).toEqual([204, 'no-store']);
    const refused = await post('refresh', { session });
    expect([refused.status, await refused.json()]).toEqual([
      401,
      expect.objectContaining({ errorCode: 'reauthentication_required' }),
    ]);
    expect((await get('game', token)).status).toBe(401);
    expect((await post('logout', { session })).status).toBe(204);
  });

  it('refuse a session handle that this application did not make, and a token or a changed handle in its place', async () => {
    const { session, token } = await signIn();
    const changed = (session.startsWith('A') ? 'B' : 'A') + session.slice(1);
    for (const handle of ['session', token, changed, '']) {
      const response = await post('refresh', { session: handle });
      expect(response.status).toBe(401);
      // A 401 needs a challenge; this one blames no bearer token, because none was sent.
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="nowgg"');
      expect(await response.json()).toMatchObject({
        errorCode: 'reauthentication_required',
        message: expect.stringContaining('session handle'),
      });
      expect((await post('logout', { session: handle })).status).toBe(204);
    }
    expect((await post('refresh', { session })).status).toBe(200);
    expect((await get('game', session)).status).toBe(401);
  });

  it('blame the body for a fault in the body, without a challenge', async () => {
    const bodies = [{}, { code: 7 }, { code: 'x'.repeat(5_000) }, { code: 'x', provider: 'a b' }];
    for (const body of bodies) {
      const response = await post('login', body);
      expect(response.status).toBe(400);
      expect(response.headers.get('www-authenticate')).toBeNull();
      expect(await response.json()).toMatchObject({ errorCode: 'invalid_request' });
    }
  });

  it('tell who is calling, and what now.gg knows of the player', async () => {
    const { token, user } = await signIn();
    expect(await (await get('session/me', token)).json()).toEqual(user);
    expect(await (await get('session/userinfo', token)).json()).toMatchObject({ userId: user.userId });
    expect(await (await get('session/sessioninfo', token)).json()).toMatchObject({ deviceData: { os: {} } });
    for (const route of ['me', 'userinfo', 'sessioninfo']) {
      expect((await get(`session/${route}`)).status).toBe(401);
    }
  });

  it.each(['sample', 'table'] as const)(
    'hand on all eleven fields of the user and every field of the session, in the form of the %s',
    async (sessionInfoForm) => {
      const place = {
        countryCode: 'IN',
        country: 'India',
        countryRegionCode: 'KA',
        countryRegion: 'Karnataka',
        city: 'Bengaluru',
        postalCode: '560001',
      };
      const user = { userId: 'u-1', email: 'asha@example.com', mobile: '+919000000001', name: 'Asha Rao' };
      const device = sessionInfoForm === 'table' ? { brand: 7, model: 42 } : { brand: 'Samsung', model: 'SM-S911B' };
      const session = { userAgent: 'Mozilla/5.0', ip: '203.0.113.7', locale: 'en-IN', packageName: 'com.example.game' };
      const deviceData = {
        os: { version: '13', name: 'Android', platform: 'arm64' },
        device: { ...device, type: 'smartphone' },
        client: { version: '126.0', engine: 'Blink', name: 'Chrome', type: 'browser', engineVersion: '126.1' },
      };
      const picture = 'https://cdn.example.com/asha.png';
      const players = [{ ...user, ...place, ...session, picture, deviceData }];
      const system = await startNowggEmulator({ clients: [EMULATED_CLIENT], players, sessionInfoForm });
      const other = await GameWithRoutes.start(system, {}, platform);
      const login = await other.post('login', { code: system.issueCode() });
      const { token } = (await login.json()) as { token: string };
      expect(await (await other.get('auth/userinfo', token)).json()).toEqual({
        ...user,
        ...place,
        profilePicture: picture,
      });
      expect(await (await other.get('auth/sessioninfo', token)).json()).toEqual({
        ...session,
        deviceData: {
          ...deviceData,
          device: { brand: String(device.brand), model: String(device.model), type: 'smartphone' },
        },
        geoData: place,
        lastSessionTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      });
      await other.close();
      await system.close();
    },
  );

  it('say that now.gg has no account data for an id_token, instead of asking the front end to try again', async () => {
    const idToken = emulator.issueIdToken();
    expect((await get('game', idToken)).status).toBe(200);
    for (const route of ['userinfo', 'sessioninfo']) {
      const response = await get(`session/${route}`, idToken);
      expect([response.status, response.headers.get('retry-after')]).toEqual([403, null]);
      expect(await response.json()).toMatchObject({ errorCode: 'information_unavailable' });
    }
  });

  it('answer an outage with 503 and Retry-After, and end nothing', async () => {
    const { session, generation } = await signIn();
    emulator.setFault({ kind: 'status', endpoint: 'token', status: 500 });
    const response = await post('refresh', { session, generation });
    emulator.clearFaults();
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)]);
    expect((await post('refresh', { session })).status).toBe(200);
  });

  it('stand behind the guards that they were given', async () => {
    Turnstile.isClosed = true;
    for (const route of ['login', 'refresh', 'logout']) expect((await post(route, {})).status).toBe(429);
  });
});

describe('the ready-made routes', () => {
  it.each([
    [{ routes: true }, 'routes need a tokenStore'],
    [{ routes: { path: 'a b' }, tokenStore: memoryTokenStore() }, 'routes.path must be'],
    [{ routes: 'auth', tokenStore: memoryTokenStore() }, 'routes must be'],
    [{ routes: { pth: 'a' }, tokenStore: memoryTokenStore() }, 'unknown option routes.pth'],
  ])('refuse to boot with %j', async (wiring, fault) => {
    const options = { clientId: 'game', clientSecret: 's', strategyName: false, ...wiring } as never;
    const boot = Test.createTestingModule({ imports: [NowggAuthModule.forRoot(options)] }).compile();
    const error: unknown = await boot.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NowggConfigurationError);
    expect((error as Error).message).toContain(fault);
  });
});
