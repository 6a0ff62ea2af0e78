import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NowggRevocationService } from 'nestjs-nowgg-auth';
import { configure, NoSessionError, type SessionClient, SessionUnavailableError } from 'nowgg-auth-client';
import { keyBinding } from 'nowgg-auth-client/binding';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { EMULATED_CLIENT, GameWithRoutes } from '../support/game/game-with-routes.js';

const PUBLIC_URL = 'https://play.game.example';

describe('the session client on the ready-made routes', () => {
  let emulator: NowggEmulator;
  let game: GameWithRoutes;

  const signedIn = async () => {
    const client = configure({ baseUrl: game.url });
    await client.login(emulator.issueCode({ userId: emulator.addPlayer().userId }));
    return client;
  };

  beforeAll(async () => {
    emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
    game = await GameWithRoutes.start(emulator, { routes: { publicUrl: PUBLIC_URL } });
  });

  afterAll(async () => {
    await game.close();
    await emulator.close();
  });

  it('signs a player in, calls a guarded route and tells who they are', async () => {
    const client = await signedIn();
    const { userId } = (await (await client.fetch(`${game.url}/game`)).json()) as { userId: string };
    expect(await client.fetchUserInfo()).toMatchObject({ userId });
    expect(await client.fetchPrincipal()).toMatchObject({ userId, provider: 'nowgg' });
    expect(client.sessionState).toBe('AUTHENTICATED');
    client.close();
  });

  it('makes one refresh when a hundred calls meet a token that now.gg has taken back', async () => {
    const client = await signedIn();
    emulator.revokeToken(client.accessToken as string);
    // The verdict from before would serve for a while: a route that asks now would not.
    await game.app.get(NowggRevocationService).revoke({ token: client.accessToken as string });
    const before = emulator.requestCount({ endpoint: 'token' });
    const calls = Array.from({ length: 100 }, async () => (await client.fetch(`${game.url}/game`)).status);
    expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
    expect(emulator.requestCount({ endpoint: 'token' }) - before).toBe(1);
    client.close();
  });

  it('lists the sessions of its player, ends one of them, and all others', async () => {
    const { userId } = emulator.addPlayer();
    const clients = await Promise.all(
      ['Phone', 'Tablet', 'Desk'].map(async (device) => {
        const client = configure({ baseUrl: game.url });
        await client.login(emulator.issueCode({ userId }), { device });
        return client;
      }),
    );
    const [mine, other, third] = clients as [SessionClient, SessionClient, SessionClient];
    const sessions = await mine.sessions();
    const idOf = (name: string) => sessions.find(({ device }) => device === name)?.id ?? '';
    expect(sessions.filter(({ current }) => current)).toMatchObject([{ device: 'Phone' }]);
    await mine.endSession(idOf('Tablet'));
    await expect(other.sessions()).rejects.toMatchObject({ status: 401 });
    expect(other.sessionState).toBe('NO_SESSION');
    await expect(other.sessions()).rejects.toThrow(NoSessionError);
    await expect(mine.endSession(idOf('Tablet'))).rejects.toMatchObject({ status: 404 });
    expect(await mine.endOtherSessions()).toBe(1);
    await expect(third.fetchPrincipal()).rejects.toMatchObject({ status: 401 });
    expect(await mine.sessions()).toMatchObject([{ device: 'Phone', current: true }]);
    for (const client of clients) client.close();
  });

  it('keeps the session through an outage, and loses it when the grant is revoked', async () => {
    const client = await signedIn();
    const { userId } = (await (await client.fetch(`${game.url}/game`)).json()) as { userId: string };
    emulator.setFault({ kind: 'status', endpoint: '*', status: 500 });
    await expect(client.fetchUserInfo()).rejects.toBeInstanceOf(SessionUnavailableError);
    expect(client.sessionState).not.toBe('NO_SESSION');
    emulator.clearFaults();
    await game.app.get(NowggRevocationService).revoke({ userId });
    await client.fetch(`${game.url}/game`).catch(() => undefined);
    expect(client.sessionState).toBe('NO_SESSION');
    client.close();
  });

  it('says that a new sign-in is allowed when now.gg refuses to refresh, and the sign-in works', async () => {
    const client = await signedIn();
    const { userId } = await client.fetchPrincipal();
    const issued = emulator.requests.findLast(({ grantType }) => grantType === 'code')?.issued;
    expect(emulator.revokeIssued(issued?.refreshToken ?? '')).toBe(true);
    await game.app.get(NowggRevocationService).revoke({ token: client.accessToken as string });
    const error: unknown = await client.fetch(`${game.url}/game`).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'SessionUnavailableError', signInAllowed: true, retryAfterSeconds: 2 });
    await client.login(emulator.issueCode({ userId }));
    expect((await client.fetch(`${game.url}/game`)).status).toBe(200);
    client.close();
  });

  it.each([0, 300_000, -300_000])('binds its session to a key, with a clock that is off by %i ms', async (offMs) => {
    const sent: Record<string, string>[] = [];
    const proxy: typeof fetch = async (address, init) => {
      if (init?.method === 'POST') sent.push(JSON.parse(init.body as string) as Record<string, string>);
      return fetch((address as string).replace(PUBLIC_URL, game.url), init);
    };
    const after = (ms: number, callback: () => void) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    };
    const clock = { now: () => Date.now() + offMs, after };
    const client = configure({ baseUrl: PUBLIC_URL, fetch: proxy, clock, binding: keyBinding() });
    await client.login(emulator.issueCode({ userId: emulator.addPlayer().userId }));
    await game.app.get(NowggRevocationService).revoke({ token: client.accessToken as string });
    expect((await client.fetch('/game')).status).toBe(200);
    const { session } = sent.at(-1) ?? {};
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ session }) };
    for (const route of ['refresh', 'logout']) {
      const stolen = await fetch(`${game.url}/auth/${route}`, init);
      expect([stolen.status, await stolen.json()]).toMatchObject([401, { errorCode: 'invalid_dpop_proof' }]);
    }
    expect((await client.fetch('/game')).status).toBe(200);
    await client.logout();
    expect(client.sessionState).toBe('NO_SESSION');
    // One more request for a wrong clock.
    expect(sent).toHaveLength(offMs === 0 ? 3 : 4);
    client.close();
  });

  it('signs out for good', async () => {
    const client = await signedIn();
    const token = client.accessToken as string;
    await client.logout();
    expect([client.sessionState, client.accessToken]).toEqual(['NO_SESSION', undefined]);
    const answer = await fetch(`${game.url}/game`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(401);
    client.close();
  });
});
