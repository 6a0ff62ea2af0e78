import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { strongKey } from '../../libs/nowgg-auth/src/testing-support/strong-key.js';
import { KeyRing } from '../../libs/nowgg-auth/src/tokens/vault/key-ring.js';
import { rotateVault } from '../../libs/nowgg-auth/src/tokens/upkeep/vault-rotation.js';
import { Vault } from '../../libs/nowgg-auth/src/tokens/vault/vault.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';

let cluster: PostgresCluster;
let dataSource: DataSource;
let store: TokenStore;

beforeAll(async () => {
  cluster = await startPostgresCluster();
  dataSource = await migratedDataSource(
    `${await cluster.createDatabase()}?options=${encodeURIComponent('-c DateStyle=Postgres -c TimeZone=Asia/Shanghai')}`,
  );
  store = typeOrmTokenStore({ poolSize: 0 }).create({ clock: new SystemClock() }, dataSource);
}, 60_000);
afterAll(async () => {
  await store.close();
  await dataSource.destroy();
  await cluster.stop();
});

const add = (count: number, text: Buffer, endedDays: number | null) =>
  dataSource.query(
    `INSERT INTO nowgg_grant (id, provider, client_key, user_id, refresh_ct, access_ct, state, generation,
       session_version, access_obtained_at, fail_count, created_at, updated_at)
     SELECT gen_random_uuid(), 'nowgg', 'c', 'p' || i, $2, $2, CASE WHEN $3::float8 IS NULL THEN 'active' ELSE 'revoked' END,
       1, 1, now(), 0, now(), now() - (coalesce($3::float8, 0) + i / 100.0) * interval '1 day'
     FROM generate_series(1, $1::integer) i`,
    [count, text, endedDays],
  );

it('keeps the key of grants that the counts do not know', async () => {
  const keys = ['new', 'old'].map((id, index) => ({ id, key: strongKey(index + 1) }));
  const vault = new Vault(new KeyRing(keys));
  for (const id of ['new', 'old']) await store.addKeyCheck({ keyId: id, checkCiphertext: Buffer.from('x') });
  await add(3, Buffer.concat([Buffer.from([2, 3]), Buffer.from('old'), Buffer.from(randomUUID())]), null);
  // As after a restore of the rows alone, or where triggers were off.
  await dataSource.query('DELETE FROM nowgg_vault_count');
  const report = await rotateVault(store, vault, { batchSize: 100 });
  expect(report.complete).toBe(false);
  expect((await store.listKeyChecks()).map(({ keyId }) => keyId)).toEqual(['new', 'old']);
});

it('sweeps all that it counts, however the session writes times', async () => {
  await dataSource.query('TRUNCATE nowgg_grant');
  await add(3_000, Buffer.from('02026b31aa', 'hex'), 31);
  const limits = { endedForMs: 30 * 86_400_000, expiredForMs: 86_400_000, exchangeOlderThanMs: 86_400_000 };
  expect(await store.countSweepable(limits)).toMatchObject({ grants: 3_000 });
  let swept = 0;
  for (let after: string | undefined, first = true; first || after !== undefined; first = false) {
    const page = await store.sweep(limits, 500, after);
    swept += page.grants;
    after = page.next;
  }
  expect(swept).toBe(3_000);
});
