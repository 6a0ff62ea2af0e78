import type { DataSource } from 'typeorm';
import { CLIENT_KEY } from './instant-provider.js';

/** Rows that one statement inserts. */
const CHUNK = 500_000;

/**
 * Fills the database with grants that look as if a key had encrypted them: made by the database, so that ten million are
 * there in minutes. Their tokens cannot be decrypted.
 * @param ended number of grants that were revoked 40 days ago
 */
export async function plantLargeVault(
  dataSource: DataSource,
  keyId: string,
  { grants, ended }: { readonly grants: number; readonly ended: number },
): Promise<void> {
  const every = Math.floor(grants / ended);
  const header = Buffer.concat([Buffer.from([2, keyId.length]), Buffer.from(keyId)]);
  for (let from = 1; from <= grants; from += CHUNK) {
    await dataSource.query(
      `INSERT INTO nowgg_grant (id, provider, client_key, user_id, refresh_ct, access_ct, access_not_after,
         refresh_not_after, state, generation, session_version, access_obtained_at, fail_count, created_at, updated_at,
         handle_key_id)
       SELECT gen_random_uuid(), 'nowgg', $1, 'player-' || n, text, text, now() + interval '1 hour',
         now() + (n % 60) * interval '1 day',
         CASE WHEN n % $2 = 0 THEN 'revoked' ELSE 'active' END, 1, 1, now(), 0, now(),
         now() - CASE WHEN n % $2 = 0 THEN interval '40 days' ELSE interval '0' END, $3
       FROM (SELECT n, $4::bytea || decode(md5(n::text), 'hex') || decode(md5((-n)::text), 'hex') AS text
         FROM generate_series($5::integer, $6::integer) AS n) AS planted`,
      [CLIENT_KEY, every, keyId, header, from, Math.min(grants, from + CHUNK - 1)],
    );
    process.stderr.write(`${Math.min(grants, from + CHUNK - 1)} rows\n`);
  }
  await dataSource.query('VACUUM ANALYZE nowgg_grant');
}
