import 'reflect-metadata';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import type { TokensOptions } from 'nestjs-nowgg-auth';
import { Pool } from 'pg';
import { serve } from '../support/child-process.js';
import { rotated } from '../support/statistics.js';
import { libraryRefresher } from './library-refresher.js';
import { inProcessRefresher, rowLockRefresher, uncoordinatedRefresher } from './peer-refreshers.js';
import { explain, type Plan } from './plans.js';
import type { Refresher, VariantName } from './refresher.js';
import { SentStatements } from './sent-statements.js';

export interface RefresherSettings {
  readonly variant: VariantName;
  readonly databaseUrl: string;
  readonly upstreamUrl: string;
  /** Connections of the application. */
  readonly poolSize: number;
  readonly durations?: Partial<TokensOptions>;
}

/** Result of so many callers at once. */
export interface Asked {
  readonly failed: number;
  readonly tokens: number;
  readonly statements: number;
}

/** Queries that have nothing to do with tokens, at a steady pace. */
export interface Beside {
  /** Milliseconds from the time when each was due until its answer. */
  readonly waitsMs: readonly number[];
  /** Time that all refreshes took together, in milliseconds; the length of the run when there were none. */
  readonly wallMs: number;
  readonly failed: number;
}

/** Cost of one operation, one value for each round. */
export interface Cost {
  readonly cpuUs: readonly number[];
  readonly wallUs: readonly number[];
}

const QUERY_EVERY_MS = 5;
const BATCH = 200;
const WARM_UP_ROUNDS = 5;
const BARE = 'SELECT * FROM nowgg_grant WHERE id = $1';
const UNRELATED = 'SELECT name FROM bench_player WHERE id = $1';

const statements = new SentStatements();
let refresher: Refresher;
let bare: Pool;

async function start({ variant, databaseUrl, upstreamUrl, poolSize, durations = {} }: RefresherSettings) {
  const variants: Record<VariantName, () => Promise<Refresher>> = {
    library: () => libraryRefresher(databaseUrl, upstreamUrl, poolSize, durations),
    none: () => uncoordinatedRefresher(databaseUrl, upstreamUrl, poolSize),
    'in-process': () => inProcessRefresher(databaseUrl, upstreamUrl, poolSize),
    'row-lock': () => rowLockRefresher(databaseUrl, upstreamUrl, poolSize),
  };
  refresher = await variants[variant]();
  bare = new Pool({ connectionString: databaseUrl, max: poolSize });
}

async function ask(id: string, callers: number): Promise<Asked> {
  const before = statements.count;
  const results = await Promise.allSettled(Array.from({ length: callers }, () => refresher.accessToken(id)));
  const tokens = new Set(results.flatMap((result) => (result.status === 'fulfilled' ? result.value : [])));
  const failed = results.filter(({ status }) => status === 'rejected').length;
  return { failed, tokens: tokens.size, statements: statements.count - before };
}

/** One caller after the other, each for another grant. @returns statements and milliseconds of one operation */
async function oneByOne(ids: readonly string[]) {
  const before = statements.count;
  const startedAt = performance.now();
  for (const id of ids) await refresher.accessToken(id);
  const ms = performance.now() - startedAt;
  return { statements: (statements.count - before) / ids.length, ms: ms / ids.length };
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
async function readCosts(ids: readonly string[], rounds: number): Promise<Record<'token' | 'bare', Cost>> {
  const reads = {
    token: (id: string) => refresher.accessToken(id),
    bare: (id: string) => bare.query(BARE, [id]),
  };
  const names = ['token', 'bare'] as const;
  const samples = { token: emptyCost(), bare: emptyCost() };
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    for (const name of rotated(names, round + WARM_UP_ROUNDS)) {
      const { cpuUs, wallUs } = await timed(reads[name], ids, round);
      if (round < 0) continue;
      samples[name].cpuUs.push(cpuUs);
      samples[name].wallUs.push(wallUs);
    }
  }
  return samples;
}

function emptyCost(): { cpuUs: number[]; wallUs: number[] } {
  return { cpuUs: [], wallUs: [] };
}

async function timed(read: (id: string) => Promise<unknown>, ids: readonly string[], round: number) {
  const first = (round + WARM_UP_ROUNDS) * BATCH;
  const startedAt = performance.now();
  const before = process.cpuUsage();
  for (let i = 0; i < BATCH; i += 1) await read(ids[(first + i) % ids.length] ?? '');
  const { user, system } = process.cpuUsage(before);
  return { cpuUs: (user + system) / BATCH, wallUs: ((performance.now() - startedAt) * 1000) / BATCH };
}

/** Time of each refresh in milliseconds, one after the other; the token endpoint answers at once. */
async function refreshTimes(ids: readonly string[]): Promise<readonly number[]> {
  await refresher.expire(ids);
  const times: number[] = [];
  for (const id of ids) {
    const startedAt = performance.now();
    await refresher.accessToken(id);
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** The plans by which the database runs the statements that were sent last. */
async function plans(): Promise<readonly Plan[]> {
  return Promise.all([
    explain(bare, 'read', statements.latest(/^SELECT to_json\(g\).* WHERE g\.id = \$1$/)),
    explain(bare, 'lease', statements.latest(/attempt_started_at = clock_timestamp\(\)/)),
    explain(bare, 'commit', statements.latest(/generation = generation \+ 1/)),
  ]);
}

const operations = {
  start,
  signIn: (count: number) => refresher.signIn(count),
  expire: (ids: readonly string[]) => refresher.expire(ids),
  ask,
  oneByOne,
  beside,
  readCosts,
  refreshTimes,
  plans,
};

export type RefresherOperations = typeof operations;

serve(operations);
