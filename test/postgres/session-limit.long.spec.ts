import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SessionsOptions } from '../../libs/nowgg-auth/src/options/options.js';
import type { Answer } from '../support/token-service/token-worker-messages.js';
import { TokenSuite } from '../support/token-service/token-suite.js';
import type { TokenWorker } from '../support/token-service/token-worker.js';

const PROCESSES = 8;
const SIGN_INS = 50;
/** `NOWGG_SESSION_ROUNDS=1000 npm test -- test/postgres/session-limit` is the campaign. */
const ROUNDS = Number(process.env.NOWGG_SESSION_ROUNDS ?? 2);

type Exchanged = { readonly value: { readonly grantId: string } };

describe(`${PROCESSES} processes with ${SIGN_INS} sign-ins of one player each, at once`, () => {
  let suite: TokenSuite;
  beforeAll(async () => {
    suite = await TokenSuite.start('never', { max_connections: '200' });
  }, 60_000);
  afterAll(() => suite.stop(), 60_000);

  const durations = (sessions: SessionsOptions) => ({
    sessions,
    softDeadlineMs: 120_000,
    leaseMs: 120_000,
    refusedCodesPerMinute: 100_000,
  });
  const liveOf = async (userId: string): Promise<string[]> => {
    const rows: { id: string }[] = await suite.dataSource.query(
      "SELECT id FROM nowgg_grant WHERE user_id = $1 AND state IN ('active', 'suspect')",
      [userId],
    );
    return rows.map(({ id }) => id);
  };
  /** All sign in at once, each with a code of its own. */
  const signInAll = async (workers: readonly TokenWorker[], userId: string): Promise<readonly Answer[]> => {
    const attempts = workers.flatMap((worker) =>
      Array.from({ length: SIGN_INS }, () => ({ worker, code: suite.code(userId) })),
    );
    const answers = await Promise.all(attempts.map(({ worker, code }) => worker.do('exchangeCode', { code })));
    return answers.flat();
  };
  const deadlocks = async (): Promise<number> => {
    const [row] = await suite.dataSource.query('SELECT sum(deadlocks)::int AS count FROM pg_stat_database');
    return (row as { count: number }).count;
  };

  it('leave exactly as many sessions as are allowed, in every round, and no deadlock', async () => {
    const workers = await suite.workers(PROCESSES, { durations: durations({ max: 1 }) });
    for (let round = 0; round < ROUNDS; round += 1) {
      const userId = `player-${round}`;
      const answers = await signInAll(workers, userId);
      expect(answers.filter((answer) => 'error' in answer)).toEqual([]);
      const live = await liveOf(userId);
      expect(live).toHaveLength(1);
      const ids = (answers as readonly Exchanged[]).map(({ value }) => value.grantId);
      expect(new Set(ids).size).toBe(PROCESSES * SIGN_INS);
      expect(ids).toContain(live[0]);
      // No process hands out a token of a session that has ended.
      const [ended] = ids.filter((id) => id !== live[0]);
      const asked = await Promise.all(workers.map((worker) => worker.do('getAccessToken', { grantId: String(ended) })));
      expect(new Set(asked.flat().map((answer) => 'error' in answer && answer.error))).toEqual(
        new Set(['signed_in_elsewhere']),
      );
    }
    expect(await deadlocks()).toBe(0);
    await Promise.all(workers.map((worker) => worker.kill()));
  }, 600_000);

  it('refuse all but three where sessions are not ended, while others sign out and are banned', async () => {
    const workers = await suite.workers(2, { durations: durations({ max: 3, whenFull: 'refuse' }) });
    const answers = await signInAll(workers, 'refused-player');
    const live = await liveOf('refused-player');
    const values = answers.filter((answer): answer is Exchanged => 'value' in answer);
    expect(values.map(({ value }) => value.grantId).toSorted()).toEqual(live.toSorted());
    expect(live).toHaveLength(3);
    expect(new Set(answers.flatMap((answer) => ('error' in answer ? [answer.error] : [])))).toEqual(
      new Set(['signed_in_elsewhere']),
    );
    // An end of one and of all at the same time as sign-ins: never more than three, and no deadlock.
    const again = signInAll(workers, 'refused-player');
    await Promise.all(live.map((grantId) => (workers[0] as TokenWorker).do('revoke', { grantId })));
    await suite.service.revokeUser('refused-player');
    await again;
    expect((await liveOf('refused-player')).length).toBeLessThanOrEqual(3);
    expect(await deadlocks()).toBe(0);
    await Promise.all(workers.map((worker) => worker.kill()));
  }, 300_000);
});
