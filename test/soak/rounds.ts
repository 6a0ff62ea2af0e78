import { TokenEndpoint } from '../support/token-endpoint/token-endpoint.js';
import type { TokenEndpointMode } from '../support/token-endpoint/token-endpoint-families.js';
import { TokenWorker } from '../support/token-endpoint/token-endpoint-worker.js';
import { LATENCY_MS } from './plan.js';
import type { SoakDatabase } from './soak-database.js';

export interface RoundsReport {
  readonly mode: TokenEndpointMode;
  readonly rounds: number;
  /** Rounds in which one call was made and every caller got the same new token. */
  readonly exact: number;
  readonly extraCalls: number;
  /** Callers who got anything else. */
  readonly failedCallers: number;
  /** Milliseconds of each round, from the first order to the last answer. */
  readonly wallMs: readonly number[];
}

export const PROCESSES = 8;
export const CALLERS = 200;
/** Nobody's lease lapses and nobody gives up on a machine that has other things to do as well. */
const PATIENT = { leaseMs: 60_000, softDeadlineMs: 60_000 };

/** Nothing goes wrong: 8 processes with 200 callers each need the new token of one grant, again and again. */
export async function runRounds(
  modes: readonly TokenEndpointMode[],
  rounds: number,
  database: SoakDatabase,
  until: number,
): Promise<RoundsReport[]> {
  const endpoint = await TokenEndpoint.start({ mode: 'static', latencyMs: LATENCY_MS });
  const { url: databaseUrl, schema } = database;
  const settings = { databaseUrl, schema, endpointUrl: endpoint.url, applicationPoolSize: 2, durations: PATIENT };
  const workers = await TokenWorker.startMany(PROCESSES, settings);
  try {
    const reports: RoundsReport[] = [];
    for (const mode of modes) {
      endpoint.startOver(mode);
      reports.push(await roundsIn(mode, { rounds, database, endpoint, workers, until }));
    }
    return reports;
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await endpoint.stop();
  }
}

interface Around {
  readonly rounds: number;
  readonly database: SoakDatabase;
  readonly endpoint: TokenEndpoint;
  readonly workers: readonly TokenWorker[];
  readonly until: number;
}

async function roundsIn(mode: TokenEndpointMode, around: Around): Promise<RoundsReport> {
  const { database, endpoint, workers } = around;
  const wallMs: number[] = [];
  const report = { exact: 0, extraCalls: 0, failedCallers: 0 };
  while (wallMs.length < around.rounds && performance.now() < around.until) {
    const { grantId } = await database.createGrant(endpoint);
    const generation = await database.expire(grantId);
    const callsBefore = endpoint.refreshes;
    const startedAt = performance.now();
    const answers = await Promise.all(
      workers.map((worker) => worker.do('getAccessToken', { grantId, callers: CALLERS })),
    );
    wallMs.push(performance.now() - startedAt);
    const calls = endpoint.refreshes - callsBefore;
    const issued = { generation: generation + 1, token: endpoint.calls.at(-1)?.issued?.access_token };
    const good = answers.flat().filter((answer) => {
      const { token, generation } = 'value' in answer ? (answer.value as typeof issued) : {};
      return token !== undefined && token === issued.token && generation === issued.generation;
    }).length;
    const failed = PROCESSES * CALLERS - good;
    if (calls === 1 && failed === 0) report.exact += 1;
    report.extraCalls += Math.max(0, calls - 1);
    report.failedCallers += failed;
  }
  return { mode, rounds: wallMs.length, wallMs, ...report };
}
