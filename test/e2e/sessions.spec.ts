import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { strongKey } from '../../libs/nowgg-auth/src/testing-support/strong-key.js';
import { EMULATED_CLIENT, GameWithRoutes, type SignedIn } from '../support/game/game-with-routes.js';

interface Listed {
  readonly sessions: readonly { readonly id: string; readonly current: boolean; readonly device?: string }[];
}

describe.each(['express', 'fastify'])('the sessions of a player, on %s', (platform) => {
  let emulator: NowggEmulator;
  let game: GameWithRoutes;

  beforeAll(async () => {
    emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
    const placeOf = (request: object) => (request as { headers: Record<string, string> }).headers['x-country'];
    const tokens = { encryptionKeys: [{ id: 'k1', key: strongKey(1) }], sessions: { placeOf } };
    game = await GameWithRoutes.start(emulator, { tokens }, platform);
  });
  afterAll(async () => {
    await game.close();
    await emulator.close();
  });

  const signIn = async (userId: string, body: object = {}, headers: Record<string, string> = {}): Promise<SignedIn> => {
    const response = await fetch(`${game.url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'okhttp/4.12', ...headers },
      body: JSON.stringify({ code: emulator.issueCode({ userId }), ...body }),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as SignedIn;
  };
  const send = (method: string, path: string, token?: string) =>
    fetch(`${game.url}/auth/${path}`, {
      method,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
  const list = async (token: string) => {
    const response = await send('GET', 'sessions', token);
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
    return ((await response.json()) as Listed).sessions;
  };

  it('are listed with device, place and times, and the caller knows their own', async () => {
    const { userId } = emulator.addPlayer();
    const phone = await signIn(userId, { device: '<b>My\u202e phone</b>' }, { 'x-country': 'SE' });
    const other = await signIn(userId);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
    const shared = { id: expect.stringMatching(/^[\da-f-]{36}$/), createdAt: time, lastSeenAt: time };
    const ofPhone = { ...shared, device: '<b>My phone</b>', place: 'SE' };
    const ofOther = { ...shared, device: 'okhttp/4.12' };
    const sorted = (sessions: Listed['sessions']) => sessions.toSorted((a) => (a.device === 'okhttp/4.12' ? 1 : -1));
    expect(sorted(await list(phone.token))).toEqual([
      { ...ofPhone, current: true },
      { ...ofOther, current: false },
    ]);
    expect(sorted(await list(other.token)).map(({ current }) => current)).toEqual([false, true]);
  });

  it('end one by one: the token and the handle of that device are refused', async () => {
    const { userId } = emulator.addPlayer();
    const [lost, mine] = [await signIn(userId), await signIn(userId)];
    const [gone] = (await list(mine.token)).filter(({ current }) => !current);
    expect((await send('DELETE', `sessions/${gone?.id}`, mine.token)).status).toBe(204);
    expect((await game.get('game', lost.token)).status).toBe(401);
    expect((await game.post('refresh', { session: lost.session })).status).toBe(401);
    expect((await game.get('game', mine.token)).status).toBe(200);
    expect(await list(mine.token)).toMatchObject([{ current: true }]);
    expect((await send('DELETE', `sessions/${gone?.id}`, mine.token)).status).toBe(404);
  });

  it('of another player answer as those that never were', async () => {
    const [victim, attacker] = [await signIn(emulator.addPlayer().userId), await signIn(emulator.addPlayer().userId)];
    const [{ id } = { id: '' }] = await list(victim.token);
    const never = '00000000-0000-4000-8000-000000000000';
    const spelled = id.toUpperCase();
    const answers = [];
    for (const tried of [id, spelled, never, '__proto__', '%00', "'", victim.session, 'x'.repeat(90)]) {
      const response = await send('DELETE', `sessions/${encodeURIComponent(tried)}`, attacker.token);
      answers.push([response.status, await response.json()]);
    }
    const notFound = { statusCode: 404, errorCode: 'invalid_request', message: 'the player has no such session' };
    expect(answers).toEqual(answers.map(() => [404, notFound]));
    expect((await game.get('game', victim.token)).status).toBe(200);
    expect((await send('DELETE', `sessions/${id}`)).status).toBe(401);
    expect((await send('GET', 'sessions')).status).toBe(401);
  });

  it('have ids that no route takes as a credential', async () => {
    const { token } = await signIn(emulator.addPlayer().userId);
    const [{ id } = { id: '' }] = await list(token);
    expect((await game.get('game', id)).status).toBe(401);
    const spellings = [id, id.replaceAll('-', ''), Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url')];
    for (const session of spellings) {
      const refresh = await game.post('refresh', { session });
      expect([refresh.status, await refresh.json()]).toEqual([
        401,
        expect.objectContaining({ errorCode: 'reauthentication_required' }),
      ]);
    }
  });

  it('end all but the own one, and none for a token that is of no session', async () => {
    const { userId } = emulator.addPlayer();
    const others = [await signIn(userId), await signIn(userId), await signIn(userId)];
    const mine = await signIn(userId);
    const stranger = await signIn(emulator.addPlayer().userId);
    const { token: elsewhere } = emulator.issueTokens({ userId });
    const refused = await send('DELETE', 'sessions', elsewhere);
    expect([refused.status, await refused.json()]).toMatchObject([400, { errorCode: 'invalid_request' }]);
    expect((await list(elsewhere)).map(({ current }) => current)).toEqual([false, false, false, false]);
    const response = await send('DELETE', 'sessions', mine.token);
    expect([response.status, await response.json()]).toEqual([200, { ended: 3 }]);
    expect(await list(mine.token)).toMatchObject([{ current: true }]);
    for (const { token } of others) expect((await game.get('game', token)).status).toBe(401);
    for (const { token } of [mine, stranger]) expect((await game.get('game', token)).status).toBe(200);
  });

  it.each([{ device: 17 }, { device: 'x'.repeat(513) }, { deviceId: 'short' }, { deviceId: 'x'.repeat(129) }])(
    'begin with no sign-in whose body is %j',
    async (body) => {
      const response = await game.post('login', { code: emulator.issueCode(), ...body });
      expect(response.status).toBe(400);
    },
  );
});
