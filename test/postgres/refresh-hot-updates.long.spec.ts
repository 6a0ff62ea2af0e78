import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inDatabase } from '../support/servers/postgres-cluster.js';
import { inLanes, TokenSuite } from '../support/token-service/token-suite.js';

const GRANTS = 60;
const ROUNDS = 6;

interface Updates {
  readonly updates: number;
  readonly hot: number;
}

describe('refreshes with rotating refresh tokens that expire', () => {
  let suite: TokenSuite;

  beforeAll(async () => {
    suite = await TokenSuite.start('once');
  }, 90_000);
  afterAll(() => suite.stop(), 30_000);

  const updates = () =>
    inDatabase(suite.url, async (client) => {
      const { rows } = await client.query<Updates>(
        `SELECT n_tup_upd::integer AS updates, n_tup_hot_upd::integer AS hot FROM pg_stat_user_tables WHERE relname = 'nowgg_grant'`,
      );
      return rows[0] as Updates;
    });
  const weeks = () => suite.dataSource.query<object[]>('SELECT id, refresh_week FROM nowgg_grant ORDER BY id');

  it('are written in place, without a write to any index', async () => {
    const ids: string[] = [];
    await inLanes(GRANTS, async () => void ids.push(await suite.signIn()));
    const before = await weeks();
    expect(before).toHaveLength(GRANTS);
    for (const row of before) expect(row).toMatchObject({ refresh_week: expect.any(Number) });
    for (let round = 0; round < ROUNDS; round += 1) {
      await inLanes(GRANTS, async (index) => void (await suite.service.refresh(ids[index] as string)));
    }
    const after = await weeks();
    const moved = after.filter((row, index) => JSON.stringify(row) !== JSON.stringify(before[index])).length;
    // A connection reports its figures when it closes.
    await suite.service.close();
    let { updates: all, hot } = await updates();
    // The server counts them a moment after the connection has gone.
    for (let tries = 0; all < 2 * GRANTS * ROUNDS && tries < 100; tries += 1) ({ updates: all, hot } = await updates());
    expect(all).toBeGreaterThanOrEqual(2 * GRANTS * ROUNDS);
    expect((hot + moved) / all).toBeGreaterThanOrEqual(0.95);
  }, 60_000);
});
