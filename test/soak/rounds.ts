import { issuedIdOf, type NowggEmulator, type RefreshTokenRotation } from 'nowgg-emulator';
import { startNowgg } from '../support/token-service/token-suite.js';
import { TokenWorker } from '../support/token-service/token-worker.js';
import { USUAL_LATENCY } from './plan.js';
import type { SoakDatabase } from './soak-database.js';

export interface RoundsReport {
  readonly mode: RefreshTokenRotation;
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
/** No lease lapses and no caller gives up on a busy machine. */
const PATIENT = { leaseMs: 60_000, softDeadlineMs: 60_000, lateReplyMs: 60_000 };

/** Nothing goes wrong: 8 processes with 200 callers each need the new token of one grant, again and again. */
export async function runRounds(
  modes: readonly RefreshTokenRotation[],
  rounds: number,
  database: SoakDatabase,
  until: number,
): Promise<RoundsReport[]> {
  await using nowgg = await startNowgg('never');
  const { url: databaseUrl, schema } = database;
  const settings = { databaseUrl, schema, nowggUrl: nowgg.url, applicationPoolSize: 2, durations: PATIENT };
  const workers = await TokenWorker.startMany(PROCESSES, settings);
  try {
    const reports: RoundsReport[] = [];
    for (const mode of modes) {
      nowgg.reset();
      nowgg.setRefreshTokenRotation(mode);
      nowgg.setFault(USUAL_LATENCY);
      reports.push(await roundsIn(mode, { rounds, database, nowgg, workers, until }));
    }
    return reports;
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
  }
}

interface Around {
  readonly rounds: number;
  readonly database: SoakDatabase;
  readonly nowgg: NowggEmulator;
  readonly workers: readonly TokenWorker[];
  readonly until: number;
}

async function roundsIn(mode: RefreshTokenRotation, around: Around): Promise<RoundsReport> {
  const { database, nowgg, workers } = around;
  const refreshes = { endpoint: 'token', grantType: 'refresh_token' } as const;
  const wallMs: number[] = [];
  const report = { exact: 0, extraCalls: 0, failedCallers: 0 };
  while (wallMs.length < around.rounds && performance.now() < around.until) {
    const { grantId } = await database.createGrant(nowgg);
    const generation = await database.expire(grantId);
    const callsBefore = nowgg.requestCount(refreshes);
    const startedAt = performance.now();
    const answers = await Promise.all(
      workers.map((worker) => worker.do('getAccessToken', { grantId, callers: CALLERS })),
    );
    wallMs.push(performance.now() - startedAt);
    const calls = nowgg.requestCount(refreshes) - callsBefore;
    const issued = { generation: generation + 1, token: nowgg.requests.at(-1)?.issued?.token };
    const good = answers.flat().filter((answer) => {
      const { token, generation } = 'value' in answer ? (answer.value as typeof issued) : {};
      return token !== undefined && issuedIdOf(token) === issued.token && generation === issued.generation;
    }).length;
    const failed = PROCESSES * CALLERS - good;
    if (calls === 1 && failed === 0) report.exact += 1;
    report.extraCalls += Math.max(0, calls - 1);
    report.failedCallers += failed;
  }
  return { mode, rounds: wallMs.length, wallMs, ...report };
}
