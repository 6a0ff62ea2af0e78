import type { ExchangeRecord } from '../../tokens/store/exchange-record.js';
import { grantRow } from './grant-row.js';
import { insertIssuedToken, LOCK_TIMEOUT } from './statement-parts.js';
import type { TokenTables } from '../database/database-names.js';

export type ExchangeRow = { readonly [K in keyof ExchangeRecord]: Exclude<ExchangeRecord[K], undefined> | null };

const COLUMNS = `
  e.code_hash AS "codeHash", e.lease_owner AS "leaseOwner", e.reply_ct AS "replyCiphertext", e.grant_id AS "grantId",
  e.attempt_key AS "attemptKey",
  (extract(epoch FROM e.lease_until) * 1000)::float8 AS "leaseUntilMs",
  (extract(epoch FROM e.completed_at) * 1000)::float8 AS "completedAtMs",
  (extract(epoch FROM e.created_at) * 1000)::float8 AS "createdAtMs",
  (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "readAtMs"`;

/** The statements about claimed codes. Each is one round trip and its own transaction. */
export function exchangeStatements({ exchange, grant, issuedToken, userLock }: TokenTables) {
  return {
    // No row at all: another attempt claimed it after this snapshot was taken, so it is held.
    // $1 code hash, $2 owner, $3 lease, $4 what the caller can show again
    claim: `
      WITH before AS (SELECT lease_owner FROM ${exchange} WHERE code_hash = $1),
      mine AS (
        INSERT INTO ${exchange} AS e (code_hash, lease_owner, lease_until, created_at, attempt_key)
        VALUES ($1, $2, clock_timestamp() + $3::float8 * interval '1 millisecond', clock_timestamp(), $4)
        ON CONFLICT (code_hash) DO UPDATE SET lease_owner = excluded.lease_owner, lease_until = excluded.lease_until,
          attempt_key = excluded.attempt_key
          WHERE e.grant_id IS NULL AND (e.lease_until IS NULL OR e.lease_until <= clock_timestamp())
        RETURNING e.*
      )
      SELECT ${COLUMNS}, true AS mine, before.lease_owner IS NOT NULL AS "inDoubt"
        FROM mine e LEFT JOIN before ON true
      UNION ALL
      SELECT ${COLUMNS}, false, false
        FROM ${exchange} e WHERE e.code_hash = $1 AND NOT EXISTS (SELECT 1 FROM mine)`,

    find: `SELECT ${COLUMNS} FROM ${exchange} e WHERE e.code_hash = $1`,

    seal: `
      WITH done AS (
        UPDATE ${exchange} SET reply_ct = $2 WHERE code_hash = $1 AND reply_ct IS NULL AND grant_id IS NULL
        RETURNING code_hash
      )
      SELECT code_hash FROM done`,

    // The user's row is locked first, and read as it is once the lock is acquired: an end of all grants of the user
    // since the code was claimed ends this one too.
    // $1 code hash, then the columns of the grant in the order of the INSERT, $12 digest, $13 scopes, $14 longest life,
    // $17 device, $18 its key, $19 place, $20 thumbprint of its session key
    complete: `
      WITH locked AS (
        INSERT INTO ${userLock} AS known (provider, client_key, user_id) SELECT $3::text, $4::text, $5::text FROM ${LOCK_TIMEOUT}
        ON CONFLICT (provider, client_key, user_id) DO UPDATE SET ended_at = known.ended_at
        RETURNING ended_at
      ), finished AS (
        UPDATE ${exchange} e SET
          grant_id = $2, completed_at = clock_timestamp(), reply_ct = NULL, lease_owner = NULL, lease_until = NULL
        FROM locked
        WHERE e.code_hash = $1 AND e.grant_id IS NULL
        RETURNING e.created_at AS begun_at, coalesce(locked.ended_at >= e.created_at, false) AS ended
      ), created AS (
        INSERT INTO ${grant} (
          id, provider, client_key, user_id, session_id, refresh_ct, access_ct, access_not_after, refresh_not_after,
          state, generation, session_version, access_obtained_at, fail_count, begun_at, created_at, updated_at,
          handle_key_id, origin_mac, scopes, device, device_key, place, key_thumbprint)
        SELECT $2, $3, $4, $5, $6, $7::bytea, $8::bytea,
          to_timestamp($9::float8 / 1000), to_timestamp($10::float8 / 1000),
          CASE WHEN ended THEN 'revoked' ELSE 'active' END, $11, CASE WHEN ended THEN 2 ELSE 1 END,
          clock_timestamp(), 0, begun_at, clock_timestamp(), clock_timestamp(), $15, $16::bytea, $13::text[],
          $17::text, $18::text, $19::text, $20::text
        FROM finished
        RETURNING *
      ), issued AS (
        ${insertIssuedToken(issuedToken, 'created', { digest: '$12', begunAt: 'begun_at', life: '$14' })}
      )
      SELECT ${grantRow('created')} FROM created`,

    // $1 code hash, $2 owner, $3 whether the next attempt must wait for the end of the lease
    release: `
      WITH done AS (
        UPDATE ${exchange} SET lease_owner = NULL, lease_until = CASE WHEN $3::boolean THEN lease_until END
        WHERE code_hash = $1 AND lease_owner = $2
        RETURNING code_hash
      )
      SELECT code_hash FROM done`,

    // $1 code hash, $2 owner, $3 whether a stored reply forbids it
    remove: `
      WITH done AS (
        DELETE FROM ${exchange}
        WHERE code_hash = $1 AND lease_owner = $2 AND grant_id IS NULL AND (reply_ct IS NULL OR NOT $3::boolean)
        RETURNING code_hash
      )
      SELECT code_hash FROM done`,
  };
}
