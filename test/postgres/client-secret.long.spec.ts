import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { NowggAuthModuleOptions } from 'nestjs-nowgg-auth';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { GameCluster } from '../support/game/game-cluster.js';
import { EMULATED_CLIENT, type SignedIn } from '../support/game/game-with-routes.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';

jest.setTimeout(120_000);

const PLAYERS = 20;
const SECONDS = 120;
const { clientId, clientSecret: RIGHT } = EMULATED_CLIENT;
const OTHER = 'another secret';

let cluster: PostgresCluster;
let emulator: NowggEmulator;
let game: GameCluster;
let clock: OffsetClock;
let players: SignedIn[];

beforeAll(async () => {
  cluster = await startPostgresCluster();
});
afterAll(async () => cluster.stop());
beforeEach(async () => {
  clock = new OffsetClock();
  emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT], requestLogSize: 1e5 });
});
afterEach(async () => {
  await game[Symbol.asyncDispose]();
  await emulator.close();
});

/** Two processes of a game, with players whose tokens both have verified. */
async function start(options: Partial<NowggAuthModuleOptions> = {}): Promise<void> {
  game = await GameCluster.start(await cluster.createDatabase(), 'fastify', {
    ...EMULATED_CLIENT,
    baseUrl: emulator.url,
    clock,
    ...options,
  });
  players = await Promise.all(
    Array.from({ length: PLAYERS }, async () => {
      const { userId } = emulator.addPlayer();
      return (await (await game.nodes[0].post('login', { code: emulator.issueCode({ userId }) })).json()) as SignedIn;
    }),
  );
  expect(await everyone()).toEqual([200]);
}

/** The different answers of both processes to these tokens. */
async function answers(tokens: readonly string[]): Promise<number[]> {
  const statuses = await Promise.all(tokens.flatMap((token) => game.nodes.map((node) => node.status(token))));
  return [...new Set(statuses)].toSorted((a, b) => a - b);
}

const everyone = () => answers(players.map(({ token }) => token));
const stranger = () => emulator.issueTokens({ userId: emulator.addPlayer().userId }).token;
/** The answers to refreshes that players force, and the generations that they get. */
async function forcedRefreshes(of: readonly SignedIn[]): Promise<{ statuses: number[]; generations: number[] }> {
  const replies = await Promise.all(
    of.map(async ({ session, generation }, at) =>
      game.nodes[(at % 2) as 0 | 1].post('refresh', { session, generation }),
    ),
  );
  const ok = replies.filter(({ status }) => status === 200);
  const bodies = (await Promise.all(ok.map(async (reply) => reply.json()))) as SignedIn[];
  return {
    statuses: [...new Set(replies.map(({ status }) => status))],
    generations: bodies.map(({ generation }) => generation),
  };
}

/**
 * After a time without a success, one refresh of the whole fleet tries the secret. Its success lets all others go on, in
 * other processes within a second: the second try of a player must pass.
 */
async function refreshedAgain(of: readonly SignedIn[]): Promise<{ statuses: number[]; generations: number[] }> {
  const first = await forcedRefreshes(of);
  expect(first.statuses).toContain(200);
  clock.advance(1_000);
  const second = await forcedRefreshes(of);
  return { statuses: second.statuses, generations: [...new Set(second.generations)] };
}

describe('a client secret that is wrong for two minutes', () => {
  it('refuses no player whom a process knows, from the first second on, and all are well when it is right', async () => {
    await start();
    const idToken = emulator.issueIdToken({ userId: players[0]?.user.userId });
    emulator.setClientSecret(clientId, OTHER);
    const strangers: string[] = [];
    const idTokens: number[] = [];
    const refreshes: number[] = [];
    for (let second = 0; second < SECONDS; second += 1) {
      clock.advance(1_000);
      // 40 requests a second.
      expect(await everyone()).toEqual([200]);
      if (second % 10 === 5) strangers.push(stranger());
      if (second % 30 === 7) idTokens.push(...(await answers([idToken])));
      if (second === 60) refreshes.push(...(await forcedRefreshes(players.slice(0, 3))).statuses);
    }
    expect(new Set(idTokens)).toEqual(new Set([200]));
    expect(refreshes).toEqual([503]);
    const statuses = await Promise.all(strangers.map((token) => game.nodes[0].status(token)));
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(2);
    expect(statuses).not.toContain(200);

    const [, , , ended] = players as [SignedIn, SignedIn, SignedIn, SignedIn];
    emulator.revokePlayer(ended.user.userId);
    emulator.setClientSecret(clientId, RIGHT);
    clock.advance(2_000);
    const others = players.filter((player) => player !== ended);
    expect(await answers(others.map(({ token }) => token))).toEqual([200]);
    clock.advance(2_000);
    expect(await answers([stranger()])).toEqual([200]);
    expect(await refreshedAgain(others.slice(5))).toEqual({ statuses: [200], generations: [2] });
    expect((await refreshedAgain(others.slice(0, 3))).statuses).toEqual([200]);
    // A player whom now.gg really signed out meanwhile is refused once refusals are believed again.
    for (let second = 0; second < 40; second += 1) {
      clock.advance(1_000);
      await answers([ended.token, ...others.slice(0, 3).map(({ token }) => token)]);
    }
    expect(await answers([ended.token])).toEqual([401]);
    expect(await answers(others.map(({ token }) => token))).toEqual([200]);
  });

  it('of a process that starts with it refuses two strangers, then answers 503', async () => {
    await start();
    const tokens = Array.from({ length: 10 }, stranger);
    emulator.setClientSecret(clientId, OTHER);
    await using late = await GameCluster.start(await cluster.createDatabase(), 'express', {
      ...EMULATED_CLIENT,
      baseUrl: emulator.url,
      clock,
    });
    const statuses: number[] = [];
    for (const token of tokens) statuses.push(await late.nodes[0].status(token));
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(2);
    expect(new Set(statuses.slice(2))).toEqual(new Set([503]));
  });
});

describe('two client secrets, while now.gg changes from the old one to the new one', () => {
  it('serve known players and newcomers before, at and after the change, and refreshes as well', async () => {
    await start({ clientSecret: [OTHER, RIGHT] });
    expect(await answers([stranger()])).toEqual([200]);
    expect((await forcedRefreshes(players.slice(0, 4))).generations).toEqual([2, 2, 2, 2]);
    emulator.setClientSecret(clientId, OTHER);
    for (let second = 0; second < 40; second += 1) {
      clock.advance(1_000);
      expect(await everyone()).toEqual([200]);
    }
    expect(await answers([stranger(), stranger()])).toEqual([200]);
    expect(await refreshedAgain(players.slice(4))).toEqual({ statuses: [200], generations: [2] });
    const { userId } = emulator.addPlayer();
    for (const node of game.nodes) {
      expect((await node.post('login', { code: emulator.issueCode({ userId }) })).status).toBe(200);
    }
  });
});
