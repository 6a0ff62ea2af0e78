import type { SoakDatabase } from '../soak-database.js';
import { BanRun } from './ban-run.js';
import { inMemory, type ModelNodes, onPostgres } from './model-nodes.js';

export interface BansReport {
  readonly runs: number;
  /** A line for each promise that was broken. */
  readonly findings: readonly string[];
}

export interface BansOptions {
  readonly runs: number;
  /** The first run's; each run has the next one. */
  readonly seed: number;
  /** Runs at the same time. They have nothing in common but the nodes. */
  readonly atOnce: number;
  /** No run begins after this, `performance.now()`. */
  readonly until: number;
}

/** Of this many runs one takes place on PostgreSQL, the others in memory, where more orders of events come about. */
const ON_POSTGRES = 10;
/** Stores in memory look at every grant that they ever had. */
const RUNS_IN_ONE_MEMORY = 500;
const AT_ONCE = 8;

/** Runs with one seed after the other at the same nodes. */
export async function runBans(nodes: ModelNodes, { runs, seed, atOnce, until }: BansOptions): Promise<BansReport> {
  const findings: string[] = [];
  let begun = 0;
  const lane = async () => {
    while (begun < runs && performance.now() < until) {
      begun += 1;
      findings.push(...(await BanRun.of(nodes, seed + begun)));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return { runs: begun, findings };
}

/** The campaign of the soak. */
export async function soakBans(
  database: SoakDatabase,
  { runs, seed, until }: Omit<BansOptions, 'atOnce'>,
): Promise<BansReport> {
  const onDatabase = Math.ceil(runs / ON_POSTGRES);
  const reports = [await withNodes(onPostgres(database.dataSource), { runs: onDatabase, seed, until })];
  for (let done = onDatabase; done < runs && performance.now() < until; done += RUNS_IN_ONE_MEMORY) {
    const some = { runs: Math.min(RUNS_IN_ONE_MEMORY, runs - done), seed: seed + done, until };
    reports.push(await withNodes(inMemory(), some));
  }
  return {
    runs: reports.reduce((sum, report) => sum + report.runs, 0),
    findings: reports.flatMap((report) => report.findings),
  };
}

async function withNodes(starting: Promise<ModelNodes>, options: Omit<BansOptions, 'atOnce'>): Promise<BansReport> {
  const nodes = await starting;
  try {
    return await runBans(nodes, { ...options, atOnce: AT_ONCE });
  } finally {
    await nodes.close();
  }
}
