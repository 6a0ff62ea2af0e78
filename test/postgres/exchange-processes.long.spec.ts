import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { KeyRing } from '../../libs/nowgg-auth/src/tokens/vault/key-ring.js';
import { Vault } from '../../libs/nowgg-auth/src/tokens/vault/vault.js';
import { RING } from '../support/token-service/token-service.js';
import { TokenSuite } from '../support/token-service/token-suite.js';
import type { TokenWorker } from '../support/token-service/token-worker.js';

interface Exchanged {
  readonly grantId: string;
  readonly token: string;
  readonly session: string;
}

const exchangesIn = (answers: readonly object[]) => answers.map((answer) => JSON.stringify(answer));

describe('one code over processes', () => {
  let suite: TokenSuite;
  let workers: TokenWorker[];
  let code: string;
  let userId: string;
  let users = 0;

  beforeAll(async () => {
    suite = await TokenSuite.start();
    workers = await suite.workers(4);
  }, 60_000);
  afterAll(() => suite.stop(), 30_000);
  beforeEach(() => {
    users += 1;
    userId = `player-${users}`;
    suite.startOver('never');
    code = suite.code(userId);
  });
  const worker = (index: number) => workers[index] as TokenWorker;
  const grants = async () => (await suite.service.listGrants(userId)).map(({ id }) => id);

  it('gives 50 callers in 4 processes one token call, one grant and the same answer', async () => {
    suite.nowgg.setFault({ kind: 'latency', endpoint: 'token', ms: 100 });
    const answers = await Promise.all(
      workers.map((process, index) => process.do('exchangeCode', { code, callers: index < 2 ? 13 : 12 })),
    );
    expect(new Set(exchangesIn(answers.flat())).size).toBe(1);
    expect(answers.flat()).toHaveLength(50);
    expect(suite.nowgg.requestCount('token')).toBe(1);
    const [found] = await grants();
    expect(answers[0]?.[0]).toMatchObject({ value: { grantId: found } });
    expect(await grants()).toHaveLength(1);
  });

  it('loses nothing when the verification is down right after the exchange', async () => {
    suite.nowgg.setFault({ kind: 'status', status: 503, endpoint: 'verify-token' });
    const answers = await Promise.all(workers.map((process) => process.do('exchangeCode', { code, callers: 3 })));
    expect(new Set(exchangesIn(answers.flat()))).toEqual(new Set(['{"error":"identity_unavailable"}']));
    expect(await grants()).toEqual([]);
    suite.nowgg.clearFaults();
    const { grantId } = await worker(3).get<Exchanged>('exchangeCode', { code });
    expect(await grants()).toEqual([grantId]);
    expect(suite.nowgg.requestCount('token')).toBe(1);
  });

  it('asks once for a refused code in each process that was not already waiting', async () => {
    const answers = await Promise.all(
      workers.map((process) => process.do('exchangeCode', { code: 'never-issued', callers: 10 })),
    );
    expect(new Set(exchangesIn(answers.flat()))).toEqual(new Set(['{"error":"invalid_grant"}']));
    expect(suite.nowgg.requestCount('token')).toBeLessThanOrEqual(4);
    const rows = await suite.dataSource.query(
      'SELECT count(*)::int AS count FROM nowgg_exchange WHERE grant_id IS NULL',
    );
    expect(rows).toEqual([{ count: 0 }]);
  });

  it.each(['code_reply_received', 'reply_sealed', 'verified', 'grant_created'])(
    'stores the grant when the process freezes at %s past its lease and is thawed',
    async (step) => {
      const process = worker(2);
      const { answers } = await process.doUntil(step, 'exchangeCode', { code });
      process.freeze();
      await suite.pass(1_000);
      const meanwhile = await worker(0).do('exchangeCode', { code });
      await process.thaw();
      await answers;
      const { grantId } = await eventually(() => worker(1).get<Exchanged>('exchangeCode', { code }));
      expect(await grants()).toEqual([grantId]);
      expect(exchangesIn(meanwhile)[0]).toMatch(
        step === 'code_reply_received' ? /identity_unavailable/ : new RegExp(grantId),
      );
    },
  );

  it.each(['claimed', 'reply_sealed', 'verified', 'grant_created'])(
    'goes on with the same code when the process is killed at %s',
    async (step) => {
      const [process] = (await suite.workers(1)) as [TokenWorker];
      await process.doUntil(step, 'exchangeCode', { code });
      await process.kill();
      await suite.pass(1_000);
      const { grantId } = await worker(0).get<Exchanged>('exchangeCode', { code });
      expect(await grants()).toEqual([grantId]);
      expect(suite.nowgg.requestCount('token')).toBe(1);
    },
  );

  it('keeps code and tokens out of the database', async () => {
    const { grantId, token } = await worker(0).get<Exchanged>('exchangeCode', { code });
    const refreshToken = new Vault(new KeyRing([RING[0]])).refreshTokenOf(await suite.grant(grantId));
    const rows = await suite.dataSource.query(
      `SELECT g::text AS text, encode(refresh_ct, 'escape') || encode(access_ct, 'escape') AS sealed FROM nowgg_grant g
       UNION ALL SELECT e::text, coalesce(encode(reply_ct, 'escape'), '') FROM nowgg_exchange e`,
    );
    const dump = JSON.stringify(rows);
    expect(suite.nowgg.ownerOf(refreshToken)).toBe(userId);
    for (const secret of [code, token, refreshToken]) expect(dump).not.toContain(secret);
  });
});

/** Retries what is answered with a retryable error, as a client does. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (tries === 50 || (error as Error).message !== 'identity_unavailable') throw error;
    }
  }
}
