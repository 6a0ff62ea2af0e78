import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PgBouncer, startPgBouncer } from '../support/servers/pgbouncer.js';
import { TokenSuite } from '../support/token-service/token-suite.js';
import type { TokenWorker } from '../support/token-service/token-worker.js';

describe('PgBouncer in transaction mode', () => {
  let suite: TokenSuite;
  let bouncer: PgBouncer | undefined;
  let workers: TokenWorker[];

  beforeAll(async () => {
    suite = await TokenSuite.start('once');
    bouncer = await startPgBouncer(suite.url, 3);
    const durations = { leaseMs: 60_000, softDeadlineMs: 60_000, lateReplyMs: 60_000 };
    workers = await suite.workers(4, { databaseUrl: bouncer.url, durations });
  }, 90_000);
  afterAll(async () => {
    await suite.stop();
    await bouncer?.stop();
  }, 30_000);

  it('between 4 processes and the database still lets them make one call per expiry', async () => {
    for (let round = 1; round <= 5; round += 1) {
      const grantId = await suite.signInLongAgo();
      const calls = suite.refreshes;
      const answers = await Promise.all(workers.map((worker) => worker.do('getAccessToken', { grantId, callers: 50 })));
      expect(new Set(answers.flat().map((answer) => JSON.stringify(answer))).size).toBe(1);
      expect(suite.refreshes - calls).toBe(1);
    }
  }, 60_000);

  it('still lets one code become one grant', async () => {
    const userId = `player-${randomUUID()}`;
    const code = suite.code(userId);
    const answers = await Promise.all(workers.map((worker) => worker.do('exchangeCode', { code, callers: 12 })));
    expect(new Set(answers.flat().map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await suite.service.listGrants(userId)).toHaveLength(1);
  });
});
