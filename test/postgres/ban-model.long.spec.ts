import { afterAll, describe, expect, it } from '@jest/globals';
import { runBans } from '../soak/bans/ban-campaign.js';
import { inMemory, onPostgres } from '../soak/bans/model-nodes.js';
import { startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';

/** The same orders of events each time; `npm run soak:refresh` takes others. */
const SEED = 20_261_126;
const ALL = { seed: SEED, until: Number.POSITIVE_INFINITY };

describe('bans, exchanges, refreshes, restores and sign-outs at two nodes in any order', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const close of closing.toReversed()) await close();
  });

  it('leave no grant and no token of an ended sign-in, and every later one, with stores in memory', async () => {
    const nodes = await inMemory();
    closing.push(() => nodes.close());
    expect(await runBans(nodes, { ...ALL, runs: 300, atOnce: 4 })).toEqual({ runs: 300, findings: [] });
  }, 240_000);

  it('do so on PostgreSQL', async () => {
    const cluster = await startPostgresCluster();
    closing.push(() => cluster.stop());
    const dataSource = await migratedDataSource(await cluster.createDatabase());
    closing.push(() => dataSource.destroy());
    const nodes = await onPostgres(dataSource);
    closing.push(() => nodes.close());
    expect(await runBans(nodes, { ...ALL, runs: 100, atOnce: 8 })).toEqual({ runs: 100, findings: [] });
  }, 240_000);
});
