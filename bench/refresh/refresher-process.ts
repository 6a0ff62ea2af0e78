import 'reflect-metadata';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'pg';
import { serve } from '../support/child-process.js';
import { timedRounds } from '../support/timed-rounds.js';
import { libraryRefresher } from './library-refresher.js';
import { inProcessRefresher, rowLockRefresher, uncoordinatedRefresher } from './peer-refreshers.js';
import type { Refresher, VariantName } from './refresher.js';

export interface RefresherSettings {
  readonly variant: VariantName;
  readonly databaseUrl: string;
  readonly upstreamUrl: string;
  /** Connections of the application. */
  readonly poolSize: number;
}

/** Queries that have nothing to do with tokens, at a steady pace. */
export interface Beside {
  /** Milliseconds from the time when each was due until its answer. */
  readonly waitsMs: readonly number[];
  /** Time that all refreshes took together, in milliseconds; the length of the run when there were none. */
  readonly wallMs: number;
  readonly failed: number;
}

/** CPU microseconds of one read, one value for each round. */
export type ReadSamples = Readonly<Record<'token' | 'bare', readonly number[]>>;

const QUERY_EVERY_MS = 5;
const READS = 200;
const WARM_UP_ROUNDS = 5;
const BARE = 'SELECT * FROM nowgg_grant WHERE id = $1';
const UNRELATED = 'SELECT name FROM bench_player WHERE id = $1';

let refresher: Refresher;
let bare: Pool;

async function start({ variant, databaseUrl, upstreamUrl, poolSize }: RefresherSettings) {
  const variants: Record<VariantName, () => Promise<Refresher>> = {
    library: () => libraryRefresher(databaseUrl, upstreamUrl, poolSize),
    none: () => uncoordinatedRefresher(databaseUrl, upstreamUrl, poolSize),
    'in-process': () => inProcessRefresher(databaseUrl, upstreamUrl, poolSize),
    'row-lock': () => rowLockRefresher(databaseUrl, upstreamUrl, poolSize),
  };
  refresher = await variants[variant]();
  bare = new Pool({ connectionString: databaseUrl, max: poolSize });
}

/** One caller after the other, each for another grant. */
async function oneByOne(ids: readonly string[]): Promise<void> {
  for (const id of ids) await refresher.accessToken(id);
}

/**
 * Refreshes all of these, beginning one after the other within `ms`, while the application queries its own table. With
 * none to refresh, the application only queries, for `ms`.
 */
async function beside(ids: readonly string[], ms: number): Promise<Beside> {
  const waits: Promise<number>[] = [];
  const startedAt = performance.now();
  let wallMs = 0;
  const refreshes = allWithin(ids, ms).then((results) => {
    if (ids.length > 0) wallMs = performance.now() - startedAt;
    return results.filter(({ status }) => status === 'rejected').length;
  });
  const isOver = () => (ids.length > 0 ? wallMs > 0 : performance.now() - startedAt > ms);
  while (!isOver()) {
    for (let due = startedAt + waits.length * QUERY_EVERY_MS; due <= performance.now(); due += QUERY_EVERY_MS) {
      waits.push(unrelatedQuery(due, waits.length));
    }
    await pause(1);
  }
  return { waitsMs: await Promise.all(waits), failed: await refreshes, wallMs: wallMs || ms };
}

/** Callers arrive as requests do: each in its own event, even when they come at the same moment. */
async function allWithin(ids: readonly string[], ms: number): Promise<readonly PromiseSettledResult<string>[]> {
  const callers: Promise<PromiseSettledResult<string>[]>[] = [];
  for (const id of ids) {
    callers.push(Promise.allSettled([refresher.accessToken(id)]));
    await (ms > 0 ? pause(ms / ids.length) : turn());
  }
  return (await Promise.all(callers)).flat();
}

async function unrelatedQuery(due: number, serial: number): Promise<number> {
  await refresher.dataSource.query(UNRELATED, [1 + ((serial * 7_919) % 10_000)]);
  return performance.now() - due;
}

/** Measures a fresh grant's token and the same row by its primary key through the driver, one after the other. */
async function readCosts(ids: readonly string[], rounds: number): Promise<ReadSamples> {
  let next = 0;
  const prepare = () => Array.from({ length: READS }, () => ids[(next += 1) % ids.length] ?? '');
  const parts = {
    token: { prepare, work: (id: string) => refresher.accessToken(id) },
    bare: { prepare, work: (id: string) => bare.query(BARE, [id]) },
  };
  await timedRounds(parts, { rounds: WARM_UP_ROUNDS, turns: 1 });
  return timedRounds(parts, { rounds, turns: 1 });
}

const operations = {
  start,
  signIn: (count: number) => refresher.signIn(count),
  expire: (ids: readonly string[]) => refresher.expire(ids),
  oneByOne,
  beside,
  readCosts,
};

export type RefresherOperations = typeof operations;

serve(operations);
