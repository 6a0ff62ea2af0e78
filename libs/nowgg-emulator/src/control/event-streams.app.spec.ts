import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import type { NowggEmulator } from '../nowgg-emulator.js';
import { startNowggEmulator } from '../start-nowgg-emulator.js';
import { VendorClient } from '../testing-support/vendor-client.js';
import { EventStreams } from './event-streams.js';
import type { LiveState } from './live-state.js';

/** Reads the states of one stream. */
class Watcher {
  readonly #waiting: ((state: LiveState) => boolean)[] = [];
  text = '';
  latest: LiveState | undefined;

  constructor(readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    let rest = '';
    response.on('data', (part: string) => {
      this.text += part;
      const lines = (rest + part).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('data: ')) this.#hear(JSON.parse(line.slice(6)) as LiveState);
    });
    // Aborted at the end of each test.
    response.on('error', () => {});
  }

  static open(url: string): Promise<Watcher> {
    return new Promise((resolve, reject) => {
      get(`${url}/_control/events`, { agent: false }, (response) => resolve(new Watcher(response))).on('error', reject);
    });
  }

  /** The next state, or the present one, of which this holds. */
  async until(holds: (state: LiveState) => boolean): Promise<LiveState> {
    if (this.latest && holds(this.latest)) return this.latest;
    return new Promise((resolve) => {
      this.#waiting.push((state) => {
        if (holds(state)) resolve(state);
        return holds(state);
      });
    });
  }

  #hear(state: LiveState): void {
    this.latest = state;
    for (const listener of this.#waiting.splice(0)) if (!listener(state)) this.#waiting.push(listener);
  }
}

describe('the live state', () => {
  let emulator: NowggEmulator;
  let client: VendorClient;
  beforeEach(async () => {
    emulator = await startNowggEmulator();
    client = new VendorClient(emulator);
  });
  afterEach(() => emulator.close());

  it('is sent at once, and again after each change', async () => {
    const watcher = await Watcher.open(emulator.url);
    expect(watcher.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const first = await watcher.until(() => true);
    expect(first).toMatchObject({ requestCount: 0, requests: [], issued: [], faults: [], playerCount: 3 });
    const { token } = (await client.exchange(emulator.issueCode())).body;
    const state = await watcher.until(({ requests }) => requests[0]?.status === 200);
    expect(state.requests).toMatchObject([
      { number: 1, method: 'POST', path: '/accounts/oauth2/v1/token', grantType: 'code', code: 'REFRESH_TOKEN TOKEN' },
    ]);
    expect(state.issued.map(({ kind, state }) => [kind, state])).toEqual([
      ['code', 'used'],
      ['refresh_token', 'active'],
      ['token', 'active'],
    ]);
    emulator.revokeToken(token as string);
    await watcher.until(({ issued }) => issued[2]?.state === 'revoked');
  });

  it('shows what is set by hand', async () => {
    const watcher = await Watcher.open(emulator.url);
    emulator.setFault({ kind: 'hold', endpoint: 'verify-token' });
    emulator.advanceClock(5_000);
    emulator.setTokenLifetime(30);
    emulator.setBanned('player-chloe', true);
    const answer = client.verify('x');
    const state = await watcher.until(({ heldCalls }) => heldCalls === 1);
    expect(state).toMatchObject({ clock: { shiftMs: 5_000 }, tokenLifetimeSeconds: 30 });
    expect(state.players.map(({ banned }) => banned)).toEqual([false, false, true]);
    emulator.releaseHeld();
    await answer;
    const { run } = state;
    emulator.reset();
    expect((await watcher.until((next) => next.run !== run)).faults).toEqual([]);
  });

  it('holds no token, code, refresh token or client secret', async () => {
    const watcher = await Watcher.open(emulator.url);
    const code = emulator.issueCode();
    const { token, refresh_token } = (await client.exchange(code)).body as Record<string, string>;
    const idToken = emulator.issueIdToken();
    await client.verify(`${token}`);
    await client.send(`/accounts/${refresh_token}?code=${code}`, {});
    await watcher.until(({ requestCount, issued }) => requestCount === 3 && issued.length === 4);
    for (const secret of [code, token, refresh_token, idToken, 'demo-secret'])
      expect(watcher.text).not.toContain(`${secret}`);
    expect(watcher.latest?.requests.at(-1)?.path).toBe('/accounts/…');
  });

  it('keeps to a bounded size', async () => {
    const watcher = await Watcher.open(emulator.url);
    for (let issued = 0; issued < 2_500; issued += 1) emulator.issueCode();
    for (let added = 0; added < 300; added += 1) emulator.addPlayer();
    await Promise.all(Array.from({ length: 150 }, async () => client.verify('x')));
    const state = await watcher.until(({ requestCount }) => requestCount === 150);
    expect([state.requests.length, state.issued.length, state.players.length]).toEqual([100, 100, 200]);
    expect(state.requests.at(-1)?.number).toBe(150);
    expect(state.playerCount).toBe(303);
    expect(emulator.issued).toHaveLength(1_000);
  });

  it('serves so many watchers at a time, and ends with the emulator', async () => {
    const watchers = await Promise.all(
      Array.from({ length: EventStreams.limit }, async () => Watcher.open(emulator.url)),
    );
    expect((await fetch(`${emulator.url}/_control/events`)).status).toBe(503);
    const ended = watchers.map(({ response }) => new Promise((resolve) => response.once('close', resolve)));
    await emulator.close();
    await Promise.all(ended);
  });
});
