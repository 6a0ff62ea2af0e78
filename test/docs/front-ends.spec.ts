import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { AxiosInstance } from 'axios';
import { Window } from 'happy-dom';
import { configure, NoSessionError, type SessionClient, SessionUnavailableError } from 'nowgg-auth-client';
import { NowggRevocationService } from 'nestjs-nowgg-auth';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { systemClock } from '../../libs/nowgg-auth-client/src/clock.js';
import { EMULATED_CLIENT, GameWithRoutes } from '../support/game/game-with-routes.js';
import { RunningDocument } from './run-document.js';

type Flushed = 'idle' | 'sent' | 'later' | 'refused' | 'sign in';
interface Queue {
  readonly waiting: number;
  add(points: number): void;
  flush(): Promise<Flushed>;
}

const page = new RunningDocument('docs/front-ends.md');
let emulator: NowggEmulator;
let game: GameWithRoutes;
afterEach(() => {
  emulator.clearFaults();
  jest.restoreAllMocks();
});
beforeAll(async () => {
  emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
  game = await GameWithRoutes.start(emulator);
});
afterAll(async () => {
  page[Symbol.dispose]();
  await game.close();
  await emulator.close();
});

/** A client with a session of a new player. */
async function signedIn(name: string): Promise<SessionClient> {
  const { userId } = emulator.addPlayer({ userId: name });
  const client = configure({ baseUrl: game.url });
  await client.login(emulator.issueCode({ userId }));
  return client;
}

describe('the hook for React', () => {
  it('renders each state, a change of the player, and the end with its reason', async () => {
    const window = new Window();
    const { document, navigator } = window;
    Object.assign(globalThis, { window, document, navigator, IS_REACT_ACT_ENVIRONMENT: true });
    try {
      const { act, createElement } = await import('react');
      const { createRoot } = await import('react-dom/client');
      const { renderToString } = await import('react-dom/server');
      const { sessionHook } = await page.load<{ sessionHook: (client: SessionClient) => () => object }>(
        'use-session.ts',
      );
      let laterMs = 0;
      const client = configure({ baseUrl: game.url, clock: { ...systemClock, now: () => Date.now() + laterMs } });
      const useSession = sessionHook(client);
      let renders = 0;
      const Shown = () => {
        renders += 1;
        return createElement('p', null, JSON.stringify(useSession()));
      };
      const shown = () => JSON.parse(window.document.body.textContent) as object;
      expect(renderToString(createElement(Shown))).toContain('UNKNOWN');
      const root = createRoot(window.document.body);
      await act(async () => root.render(createElement(Shown)));
      await act(async () => client.ready);
      expect(shown()).toEqual({ state: 'NO_SESSION' });

      const { userId } = emulator.addPlayer({ userId: 'react-1' });
      await act(async () => client.login(emulator.issueCode({ userId })));
      expect(shown()).toEqual({ state: 'AUTHENTICATED', reason: 'LOGIN' });
      const before = renders;
      emulator.addPlayer({ userId: 'react-2' });
      await act(async () => client.login(emulator.issueCode({ userId: 'react-2' })));
      expect(renders).toBe(before + 1);

      await game.app
        .get(NowggRevocationService)
        .revoke({ userId: 'react-2' }, { until: new Date(Date.now() + 60_000) });
      laterMs = 3_500_000;
      await act(async () => {
        await expect(client.fetch('/game')).rejects.toThrow(NoSessionError);
      });
      expect(shown()).toMatchObject({ state: 'NO_SESSION', reason: 'ENDED', details: { errorCode: 'user_banned' } });
      await act(async () => root.unmount());
      client.close();
    } finally {
      for (const name of ['window', 'document', 'navigator', 'IS_REACT_ACT_ENVIRONMENT'])
        Reflect.deleteProperty(globalThis, name);
      await window.happyDOM.close();
    }
  });
});

describe('axios with the fetch of the client', () => {
  it('sends the token, and repeats a request with a new one after a 401', async () => {
    const { gameApi } = await page.load<{ gameApi: (client: SessionClient, baseURL: string) => AxiosInstance }>(
      'game-api.ts',
    );
    const client = await signedIn('axios-1');
    const api = gameApi(client, game.url);
    expect((await api.get('/game')).data).toEqual({ userId: 'axios-1' });
    const { session } = await game.signIn();
    await client.adopt({ token: 'a-token-that-is-refused', session, generation: 1 });
    const all = await Promise.all(['/game', '/game', '/game'].map((path) => api.get(path)));
    expect(new Set(all.map(({ data }) => data.userId)).size).toBe(1);
    expect(client.accessToken).not.toBe('a-token-that-is-refused');

    await client.adopt({ token: 'refused-again', session: (await game.signIn()).session, generation: 1 });
    emulator.setFault({ kind: 'status', status: 503, endpoint: 'token' });
    const failed = await api.get('/game').catch((error: unknown) => error);
    expect((failed as Error).cause).toBeInstanceOf(SessionUnavailableError);
    expect(client.sessionState).toBe('AUTHENTICATED');
    emulator.clearFaults();
    const ended = configure({ baseUrl: game.url });
    await ended.adopt({ token: 'refused-at-last', session: 'not a session', generation: 1 });
    await expect(gameApi(ended, game.url).get('/game')).rejects.toMatchObject({ status: 401 });
    expect(ended.sessionState).toBe('NO_SESSION');
    ended.close();
    client.close();
  });
});

describe('the queue of a web game', () => {
  it('sends one result at a time, keeps it in an outage, and asks for a sign-in at the end', async () => {
    const { ScoreQueue } = await page.load<{ ScoreQueue: new (client: SessionClient, path: string) => Queue }>(
      'score-queue.ts',
    );
    const client = await signedIn('queue-1');
    const queue = new ScoreQueue(client, '/game');
    expect(await queue.flush()).toBe('idle');
    queue.add(1);
    queue.add(2);
    // A token that the backend has not met yet.
    await client.adopt({ token: emulator.issueTokens().token });
    emulator.setFault({ kind: 'status', status: 503 });
    expect(await queue.flush()).toBe('later');
    expect([await queue.flush(), queue.waiting]).toEqual(['idle', 2]);
    emulator.clearFaults();
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 61_000);
    const [first, second] = [queue.flush(), queue.flush()];
    expect([await first, await second]).toEqual(['sent', 'idle']);
    expect(queue.waiting).toBe(1);
    await client.logout();
    expect(await queue.flush()).toBe('sign in');
    expect(queue.waiting).toBe(1);
    client.close();
  });
});
