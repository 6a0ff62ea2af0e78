import { grantRow } from './grant-row.js';
import type { TokenTables } from './token-database.js';

/** A parameter in milliseconds, as an interval. */
const interval = (parameter: string) => `${parameter}::float8 * interval '1 millisecond'`;
/** A parameter in epoch milliseconds, or null, as a time. */
const time = (parameter: string) => `to_timestamp(${parameter}::float8 / 1000)`;
const NO_LEASE = 'lease_owner = NULL, lease_until = NULL';

/** The statements about grants. Each is one round trip and its own transaction. */
export function grantStatements({ grant, client }: TokenTables) {
  return {
    find: `SELECT ${grantRow('g')} FROM ${grant} g WHERE g.id = $1`,

    list: `SELECT ${grantRow('g')} FROM ${grant} g WHERE g.provider = $1 AND g.user_id = $2
      AND ($3::text IS NULL OR g.client_key = $3) ORDER BY g.created_at, g.id`,

    // The lock comes first and shows the newest version of the row; a bare UPDATE joined to a read would decide on the
    // newest and return the one of its snapshot.
    // $1 id, $2 generation, $3 owner, $4 lease, $5 takeover lease, $6 quiet time
    acquire: `
      WITH old AS (SELECT * FROM ${grant} WHERE id = $1 FOR UPDATE),
      taken AS (
        UPDATE ${grant} g SET
          lease_owner = $3,
          lease_until = clock_timestamp() + CASE
            WHEN old.attempt_started_at IS NOT NULL AND old.lease_owner IS NOT NULL THEN ${interval('$5')}
            ELSE ${interval('$4')} END,
          attempt_started_at = clock_timestamp(),
          updated_at = clock_timestamp()
        FROM old
        WHERE g.id = old.id
          AND old.state IN ('active', 'suspect')
          AND old.generation = $2
          AND (old.lease_until IS NULL OR old.lease_until <= clock_timestamp())
          AND (old.next_attempt_at IS NULL OR old.next_attempt_at <= clock_timestamp())
          AND ($6::float8 = 0 OR old.updated_at <= clock_timestamp() - ${interval('$6')})
        RETURNING g.id
      )
      SELECT ${grantRow('old')}, taken.id IS NOT NULL AS mine FROM old LEFT JOIN taken ON true`,

    // $1 id, $2 generation, $3 session version, $4 refresh, $5 access, $6 access expiry, $7 refresh expiry
    commit: `
      WITH done AS (
        UPDATE ${grant} SET
          generation = generation + 1, state = 'active', refresh_ct = $4, access_ct = $5,
          access_obtained_at = clock_timestamp(), access_not_after = ${time('$6')}, refresh_not_after = ${time('$7')},
          ${NO_LEASE}, attempt_started_at = NULL,
          fail_count = 0, fail_code = NULL, fail_counted_at = NULL, next_attempt_at = NULL,
          updated_at = clock_timestamp()
        WHERE id = $1 AND generation = $2 AND session_version = $3 AND state <> 'revoked'
        RETURNING *
      )
      SELECT ${grantRow('done')} FROM done`,

    // $1 id, $2 generation, $3 owner, $4 in doubt, $5 retry in
    fail: `
      WITH done AS (
        UPDATE ${grant} SET
          ${NO_LEASE}, attempt_started_at = CASE WHEN $4::boolean THEN attempt_started_at END,
          next_attempt_at = clock_timestamp() + ${interval('$5')}, updated_at = clock_timestamp()
        WHERE id = $1 AND generation = $2 AND lease_owner = $3 AND state IN ('active', 'suspect')
        RETURNING id
      )
      SELECT id FROM done`,

    // $1 id, $2 generation, $3 owner, $4 state, $5 code, $6 count, $7 counted, $8 retry in
    refuse: `
      WITH done AS (
        UPDATE ${grant} SET
          ${NO_LEASE}, attempt_started_at = NULL, state = $4, fail_code = $5, fail_count = $6,
          fail_counted_at = CASE WHEN $7::boolean THEN clock_timestamp() ELSE fail_counted_at END,
          next_attempt_at = clock_timestamp() + ${interval('$8')}, updated_at = clock_timestamp()
        WHERE id = $1 AND generation = $2 AND lease_owner = $3 AND state IN ('active', 'suspect')
        RETURNING id
      )
      SELECT id FROM done`,

    revoke: revoking(grant, 'id = $1'),
    revokeUser: revoking(grant, 'provider = $1 AND user_id = $2 AND client_key = $3'),

    // Not a write of the refresh protocol: leaves updated_at alone.
    noteHandleKey: `
      WITH done AS (
        UPDATE ${grant} SET handle_key_id = $2 WHERE id = $1 AND handle_key_id IS DISTINCT FROM $2 RETURNING id
      )
      SELECT id FROM done`,

    noteClientSuccess: `
      WITH done AS (
        INSERT INTO ${client} (client_key, succeeded_at) VALUES ($1, clock_timestamp())
        ON CONFLICT (client_key) DO UPDATE SET succeeded_at = excluded.succeeded_at
        RETURNING client_key
      )
      SELECT client_key FROM done`,

    findClientSuccess: `
      SELECT (extract(epoch FROM succeeded_at) * 1000)::float8 AS "succeededAtMs" FROM ${client} WHERE client_key = $1`,
  };
}

function revoking(grant: string, which: string): string {
  return `
    WITH done AS (
      UPDATE ${grant} SET
        state = 'revoked', session_version = session_version + 1, ${NO_LEASE}, attempt_started_at = NULL,
        updated_at = clock_timestamp()
      WHERE ${which} AND state <> 'revoked'
      RETURNING *
    )
    SELECT ${grantRow('done')} FROM done`;
}
