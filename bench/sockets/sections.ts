import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { HeapSnapshot } from '../../test/support/seeded-secrets/heap-snapshot.js';
import { RedisServer } from '../../test/support/servers/redis-server.js';
import { Child } from '../support/child-process.js';
import { startMigratedPostgres } from '../support/migrated-postgres.js';
import { lowest, median, percentile } from '../support/statistics.js';
import { makeToken } from '../verify/tokens.js';
import type { ClientsOperations, ConnectingPlayer, SeenClose } from './clients-process.js';
import type { IdentityOperations } from './identity-process.js';
import type { ServerOperations, ServerSettings } from './server-process.js';

/** One line of the report. */
export interface Figure {
  readonly what: string;
  readonly figure: string;
  readonly goal: string;
  readonly isMet: boolean;
}

/** The size of a run. */
export interface Size {
  readonly sockets: number;
  /** Seconds over which the tokens expire. */
  readonly spreadS: number;
  /** Seconds until the first token expires: all handshakes must be over. */
  readonly leadS: number;
  readonly bans: number;
}

type Clients = readonly Child<ClientsOperations>[];

const SERVER = new URL('server-process.js', import.meta.url);
const CLIENTS = new URL('clients-process.js', import.meta.url);
const IDENTITY = new URL('identity-process.js', import.meta.url);
/** Sockets of the processes in which bans are measured. */
const MOST_OF_BANS = 2_000;
const WITH_GC = ['--expose-gc'];

/** Sockets that end at the expiry of their tokens, spread over a time. */
export async function expiry({ sockets, spreadS, leadS }: Size): Promise<Figure[]> {
  const { lateMs, heldUp } = await expire(sockets, leadS, (at) => Math.floor((at * spreadS) / sockets));
  const p99 = percentile(lateMs, 99);
  return [
    figure(`close call after exp, p99 of ${sockets} sockets over ${spreadS} s`, `${p99} ms`, '≤ 100 ms', p99 <= 100),
    shown('… median, maximum', `${median(lateMs)} ms, ${Math.max(...lateMs)} ms`),
    shown('… longest stall of the event loop, by the clock', `${heldUp.byClockMs.toFixed(0)} ms`),
  ];
}

/** Sockets that all end in the same second. */
export async function atOnce({ sockets, leadS }: Size): Promise<Figure[]> {
  const { lateMs, heldUp, seen, expiredAtMs } = await expire(sockets, leadS, () => 0);
  const lastMs = Math.max(...seen.map(({ atMs }) => atMs)) - expiredAtMs;
  return [
    figure(`${sockets} sockets that expire at once: last close at a client`, `${lastMs} ms`, '≤ 3 s', lastMs <= 3_000),
    shown('… last close call', `${Math.max(...lateMs)} ms`),
    shown('… longest stall of the event loop, by the clock', `${heldUp.byClockMs.toFixed(0)} ms`),
    shown('… in processor time', `${heldUp.byProcessorMs?.toFixed(0) ?? '?'} ms`),
  ];
}

async function expire(sockets: number, leadS: number, afterS: (at: number) => number) {
  return withSite([{ isGuarded: true, isTimed: true }], async ({ servers: [server], clients }) => {
    const firstS = Math.ceil(Date.now() / 1_000) + leadS;
    const players = playersOf(sockets, (at) => firstS + afterS(at));
    await connect([server], clients, players);
    if (Date.now() >= firstS * 1_000) throw new Error('the handshakes took too long: enlarge the lead');
    await server.child.call('watch');
    const seen = await closesOf(clients, sockets, (leadS + afterS(sockets - 1) + 60) * 1_000);
    const wrong = seen.find(({ code, reason }) => code !== 4403 || reason !== 'expired_token');
    if (wrong) throw new Error(`a socket was closed with ${wrong.code} ${wrong.reason}`);
    return { ...(await server.child.call('lateness')), seen, expiredAtMs: firstS * 1_000 };
  });
}

/** Bans in one process that end sockets in both. */
export async function bans({ sockets: most, bans: count }: Size): Promise<Figure[]> {
  const sockets = Math.min(most, MOST_OF_BANS);
  const postgres = await startMigratedPostgres();
  const redis = await RedisServer.start();
  try {
    const database = { isGuarded: true, databaseUrl: postgres.url };
    const polled = await ban(database, sockets, count);
    const hinted = await ban({ ...database, redisUrl: `redis://127.0.0.1:${redis.port}` }, sockets, count);
    return [
      figure(
        `ban to close at a client, p99 of ${polled.length} sockets of 2 processes`,
        ms(polled),
        '≤ 1.5 s',
        p99(polled) <= 1_500,
      ),
      figure('… with hints by Redis', ms(hinted), '≤ 100 ms', p99(hinted) <= 100),
    ];
  } finally {
    await redis[Symbol.asyncDispose]();
    await postgres.stop();
  }
}

/** @returns times from the start of a ban to the close at a client, in milliseconds */
async function ban(settings: Omit<ServerSettings, 'baseUrl'>, sockets: number, count: number): Promise<number[]> {
  return withSite([settings, settings], async ({ servers, clients }) => {
    const players = playersOf(sockets, () => undefined);
    await connect(servers, clients, players);
    // They are players of both servers in turn.
    const banned = players.slice(0, count).map(({ userId }) => userId);
    const begun: number[] = [];
    for (const [at, userId] of banned.entries()) {
      const [beganMs = Number.NaN] = await servers[0].child.call('ban', [userId]);
      begun[at] = beganMs;
      await wait(20);
    }
    const seen = await closesOf(clients, count, 10_000);
    const beganAt = new Map(banned.map((userId, at) => [userId, begun[at] ?? Number.NaN]));
    return seen.map(({ userId, atMs }) => atMs - (beganAt.get(userId) ?? Number.NaN));
  });
}

/** The guard for one message of a socket whose verdict is stored. */
export async function messages(): Promise<Figure[]> {
  return withSite([{ isGuarded: true }], async ({ servers, clients }) => {
    await connect(
      servers,
      clients,
      playersOf(200, () => undefined),
    );
    await servers[0].child.call('messages', 20, 50_000);
    const rounds = await servers[0].child.call('messages', 30, 50_000);
    const best = lowest(rounds);
    const figures = `${best.toFixed(2)} µs (median ${median(rounds).toFixed(2)})`;
    return [figure('guard, one message on a stored verdict, processor time', figures, '≤ 0.5 µs', best <= 0.5)];
  });
}

/** Memory of idle sockets, compared with those of the same application without the module. */
export async function memory({ sockets }: Size): Promise<Figure[]> {
  const perSocket = async (isGuarded: boolean) =>
    withSite([{ isGuarded }], async ({ servers, clients }) => {
      const { child } = servers[0];
      // What the first handshakes load stays.
      await connect(
        servers,
        clients,
        playersOf(200, () => undefined),
      );
      const before = await child.call('usedBytes');
      await connect(
        servers,
        clients,
        playersOf(sockets, () => undefined),
      );
      return ((await child.call('usedBytes')) - before) / sockets;
    });
  const [open, guarded] = [await perSocket(false), await perSocket(true)];
  const more = guarded - open;
  return [
    figure(
      'memory of an idle socket, over one without the module',
      `${more.toFixed(0)} bytes`,
      '≤ 2.5 KiB',
      more <= 2_560,
    ),
    shown('… of a socket with the module, without it', `${guarded.toFixed(0)}, ${open.toFixed(0)} bytes`),
  ];
}

/** Tokens in the memory of a process with idle sockets. */
export async function secrecy({ sockets }: Size): Promise<Figure[]> {
  const file = path.join(tmpdir(), `sockets-${process.pid}.heapsnapshot`);
  try {
    return await withSite([{ isGuarded: true }], async ({ servers, clients }) => {
      const players = playersOf(Math.min(sockets, 1_000), () => undefined);
      await connect(servers, clients, players);
      // The last requests leave the buffers of the parsers.
      await wait(6_000);
      const heap = new HeapSnapshot(await servers[0].child.call('snapshot', file));
      const found = heap.stringsWith(...players.map(({ token }) => token.slice(-100)));
      const what = `tokens in a heap snapshot of ${players.length} idle sockets`;
      return [figure(what, String(found.length), '0', found.length === 0)];
    });
  } finally {
    rmSync(file, { force: true });
  }
}

interface Server {
  readonly child: Child<ServerOperations>;
  readonly url: string;
}

interface Site {
  readonly servers: readonly [Server, ...Server[]];
  readonly clients: Clients;
}

/** Runs with the identity system, servers and two processes of clients, and ends them. */
async function withSite<T>(
  settings: readonly [Omit<ServerSettings, 'baseUrl'>, ...Omit<ServerSettings, 'baseUrl'>[]],
  use: (site: Site) => Promise<T>,
): Promise<T> {
  const identity = new Child<IdentityOperations>(IDENTITY);
  const clients = [new Child<ClientsOperations>(CLIENTS), new Child<ClientsOperations>(CLIENTS)];
  const [children, servers]: [Child<ServerOperations>[], Server[]] = [[], []];
  try {
    const baseUrl = await identity.call('start');
    for (const each of settings) {
      const child = new Child<ServerOperations>(SERVER, WITH_GC);
      children.push(child);
      servers.push({ child, url: await child.call('start', { ...each, baseUrl }) });
    }
    return await use({ servers: servers as [Server, ...Server[]], clients });
  } finally {
    await Promise.all([identity, ...clients, ...children].map((each) => each.stop()));
  }
}

let lots = 0;

/** Players that no other section has: bans are stored. */
function playersOf(count: number, expiresAtS: (at: number) => number | undefined): ConnectingPlayer[] {
  const lot = `${process.pid}-${(lots += 1)}`;
  return Array.from({ length: count }, (_, at) => {
    const userId = `player-${lot}-${at}`;
    return { userId, token: makeToken(userId, expiresAtS(at)) };
  });
}

/** Connects the players, spread over the servers and the processes of clients. */
async function connect(servers: readonly Server[], clients: Clients, players: readonly ConnectingPlayer[]) {
  await Promise.all(
    clients.flatMap((client, at) =>
      servers.map(({ url }, server) => {
        const lot = at * servers.length + server;
        const lots = clients.length * servers.length;
        return client.call(
          'connect',
          url,
          players.filter((_, each) => each % lots === lot),
        );
      }),
    ),
  );
  const open = await Promise.all(servers.map(async ({ child }) => child.call('sockets')));
  if (open.reduce((sum, count) => sum + count, 0) >= players.length) return;
  const closed = (await Promise.all(clients.map(async (client) => client.call('closed')))).flat();
  const reasons = new Set(closed.map(({ code, reason }) => `${code} ${reason}`));
  throw new Error(`a socket did not stay open: ${[...reasons].join(', ')}`);
}

/** Waits until so many sockets were closed. */
async function closesOf(clients: Clients, count: number, limitMs: number): Promise<SeenClose[]> {
  const seen: SeenClose[] = [];
  for (const endMs = Date.now() + limitMs; seen.length < count; await wait(250)) {
    for (const client of clients) seen.push(...(await client.call('closed')));
    if (Date.now() > endMs) throw new Error(`${count - seen.length} of ${count} sockets were not closed in time`);
  }
  return seen;
}

function p99(values: readonly number[]): number {
  return percentile(values, 99);
}

function ms(values: readonly number[]): string {
  return `${p99(values)} ms (median ${median(values)}, maximum ${Math.max(...values)})`;
}

function figure(what: string, value: string, goal: string, isMet: boolean): Figure {
  return { what, figure: value, goal, isMet };
}

function shown(what: string, value: string): Figure {
  return { what, figure: value, goal: '', isMet: true };
}
