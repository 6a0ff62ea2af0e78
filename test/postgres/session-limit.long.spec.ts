import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SessionsOptions } from '../../libs/nowgg-auth/src/options/options.js';
import type { Answer } from '../support/token-service/token-worker-messages.js';
import { TokenSuite } from '../support/token-service/token-suite.js';
import type { TokenWorker } from '../support/token-service/token-worker.js';

const PROCESSES = 8;
const SIGN_INS = 50;
/** `NOWGG_SESSION_ROUNDS=1000 npm test -- test/postgres/session-limit` is the campaign. */
const ROUNDS = Number(process.env.NOWGG_SESSION_ROUNDS ?? 20);

const RETRIED = new Set(['store_unavailable', 'identity_unavailable']);

const errorsIn = (answers: readonly Answer[]) => answers.flatMap((answer) => ('error' in answer ? [answer.error] : []));

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
    leaseMs: 20_000,
    // now.gg is emulated in one process, which all of them ask.
    maxExchangesInFlight: 8,
    exchangeReplayMs: 600_000,
    refusedCodesPerMinute: 100_000,
  });
  const liveOf = async (userId: string): Promise<string[]> => {
    const rows: { id: string }[] = await suite.dataSource.query(
      "SELECT id FROM nowgg_grant WHERE user_id = $1 AND state IN ('active', 'suspect')",
      [userId],
    );
    return rows.map(({ id }) => id);
  };
  /** Sends the same code again after a 503, as a client does: on a busy machine some wait too long for their turn. */
  const signIn = async (worker: TokenWorker, userId: string): Promise<Answer> => {
    const code = suite.code(userId);
    for (let tries = 0; ; tries += 1) {
      const [answer] = await worker.do('exchangeCode', { code });
      if (!answer) throw new Error('the process has gone');
      if (tries === 200 || !('error' in answer) || !RETRIED.has(answer.error)) return answer;
    }
  };
  /** All sign in at once, each with a code of its own. */
  const signInAll = (workers: readonly TokenWorker[], userId: string): Promise<readonly Answer[]> =>
    Promise.all(workers.flatMap((worker) => Array.from({ length: SIGN_INS }, () => signIn(worker, userId))));
  const deadlocks = async (): Promise<number> => {
    const [row] = await suite.dataSource.query('SELECT sum(deadlocks)::int AS count FROM pg_stat_database');
    return (row as { count: number }).count;
  };

  it(
    'leave exactly as many sessions as are allowed, in every round, and no deadlock',
    async () => {
      const workers = await suite.workers(PROCESSES, { durations: durations({ max: 1 }) });
      for (let round = 0; round < ROUNDS; round += 1) {
        const userId = `player-${round}`;
        const answers = await signInAll(workers, userId);
        const live = await liveOf(userId);
        expect(live).toHaveLength(1);
        const ids = answers.flatMap((answer) => ('value' in answer ? [(answer as Exchanged).value.grantId] : []));
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids).toContain(live[0]);
        // One that sent its code again may find that another one has ended its session meanwhile, and on a busy machine
        // a reply of now.gg may be lost, and with it the code.
        expect(['signed_in_elsewhere', 'invalid_grant']).toEqual(
          expect.arrayContaining([...new Set(errorsIn(answers))]),
        );
        // No process hands out a token of a session that has ended.
        const [ended] = ids.filter((id) => id !== live[0]);
        const asked = await Promise.all(
          workers.map((worker) => worker.do('getAccessToken', { grantId: String(ended) })),
        );
        expect(new Set(errorsIn(asked.flat()))).toEqual(new Set(['signed_in_elsewhere']));
      }
      expect(await deadlocks()).toBe(0);
      await Promise.all(workers.map((worker) => worker.kill()));
    },
    600_000 + ROUNDS * 10_000,
  );

  it.each(['admitting', 'admitted'])(
    'lose nothing when one of them is killed at %s: the same code goes on in another',
    async (step) => {
      const userId = `killed-${step}`;
      const [dying, other] = (await suite.workers(2, { durations: { sessions: { max: 1 } } })) as [
        TokenWorker,
        TokenWorker,
      ];
      const { grantId: first } = await other.get<{ grantId: string }>('exchangeCode', { code: suite.code(userId) });
      const code = suite.code(userId);
      await dying.doUntil(step, 'exchangeCode', { code });
      await dying.kill();
      expect((await liveOf(userId)).includes(first)).toBe(step === 'admitting');
      const { grantId } = await other.get<{ grantId: string }>('exchangeCode', { code });
      expect(await liveOf(userId)).toEqual([grantId]);
      // The end that was cut off is complete: now.gg was told, and the tokens are gone.
      while ((await suite.grant(first)).refreshCiphertext.length > 0);
      await other.kill();
    },
    60_000,
  );

  it('answer 503 while another transaction keeps the row of the player, and go on with the same code', async () => {
    const [worker] = (await suite.workers(1, { durations: { ...durations({ max: 1 }) } })) as [TokenWorker];
    const userId = 'locked-player';
    await worker.get('exchangeCode', { code: suite.code(userId) });
    const code = suite.code(userId);
    const { answers } = await worker.doUntil('admitting', 'exchangeCode', { code });
    const holder = suite.dataSource.createQueryRunner();
    await holder.startTransaction();
    await holder.query('SELECT 1 FROM nowgg_user_lock WHERE user_id = $1 FOR UPDATE', [userId]);
    await worker.goOn();
    expect(await answers).toEqual([{ error: 'store_unavailable' }]);
    expect(await liveOf(userId)).toHaveLength(2);
    await holder.rollbackTransaction();
    await holder.release();
    const { grantId } = await worker.get<{ grantId: string }>('exchangeCode', { code });
    expect(await liveOf(userId)).toEqual([grantId]);
    await worker.kill();
  }, 60_000);

  it('refuse all but three where sessions are not ended, while others sign out and are banned', async () => {
    const workers = await suite.workers(2, { durations: durations({ max: 3, whenFull: 'refuse' }) });
    const answers = await signInAll(workers, 'refused-player');
    const live = await liveOf('refused-player');
    const values = answers.filter((answer): answer is Exchanged => 'value' in answer);
    expect(values.map(({ value }) => value.grantId).toSorted()).toEqual(live.toSorted());
    expect(live).toHaveLength(3);
    expect(['signed_in_elsewhere', 'invalid_grant']).toEqual(expect.arrayContaining([...new Set(errorsIn(answers))]));
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
