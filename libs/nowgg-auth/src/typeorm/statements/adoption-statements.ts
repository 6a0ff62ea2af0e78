import type { TokenTables } from '../database/database-names.js';
import { grantPage } from './grant-page.js';
import { changeStatement, IN_PLACE, type Walk, type WalkStatement } from './walk.js';

const LIVE = "('active', 'suspect')";
const NO_ATTEMPT = 'lease_owner = NULL, lease_until = NULL, attempt_started_at = NULL';
const MOST_CLIENTS = 100;

/** The statements about the clients that grants belong to. Those that write wait for no lock. */
export function adoptionStatements({ grant, vaultCount, adoption }: TokenTables) {
  // $3 provider, $4 client key
  const ofClient: Walk = {
    table: grant,
    keys: [['id', 'uuid']],
    range: 'true',
    wanted: `g.provider = $3::text AND g.client_key = $4::text AND g.state IN ${LIVE}`,
  };
  const end: WalkStatement = {
    walk: ofClient,
    statement: changeStatement(
      ofClient,
      `UPDATE ${grant} g SET
        state = 'revoked', session_version = g.session_version + 1, refresh_ct = '', access_ct = '', ${NO_ATTEMPT},
        updated_at = clock_timestamp()
      WHERE ${IN_PLACE} RETURNING 1`,
    ),
  };
  return {
    list: `
      WITH live AS (
        SELECT provider, client_key, sum(grants)::float8 AS grants FROM ${vaultCount}
        WHERE state IN ${LIVE} GROUP BY 1, 2 HAVING sum(grants) <> 0
      )
      SELECT coalesce(l.provider, a.provider) AS provider, coalesce(l.client_key, a.client_key) AS "clientKey",
        coalesce(l.grants, 0) AS grants, a.adopted_by AS "adoptedBy"
      FROM live l FULL JOIN ${adoption} a ON a.provider = l.provider AND a.client_key = l.client_key
      ORDER BY 3 DESC, 1, 2 LIMIT ${MOST_CLIENTS}`,

    // $1 provider, $2 client key, $3 id, $4 limit
    grantsOf: grantPage(grant, `g.provider = $1::text AND g.client_key = $2::text AND g.state IN ${LIVE}`, '$3', '$4'),

    // Each statement changes its rows of one table: no row is changed by two.
    // $1 provider, $2 from, $3 to
    record: `
      WITH moved AS (
        UPDATE ${adoption} SET adopted_by = $3::text
        WHERE provider = $1::text AND adopted_by = $2::text AND client_key <> $3::text
      ), gone AS (DELETE FROM ${adoption} WHERE provider = $1::text AND client_key = $3::text),
      done AS (
        INSERT INTO ${adoption} (provider, client_key, adopted_by, adopted_at)
        VALUES ($1::text, $2::text, $3::text, clock_timestamp())
        ON CONFLICT (provider, client_key) DO UPDATE SET adopted_by = excluded.adopted_by, adopted_at = excluded.adopted_at
        RETURNING client_key
      )
      SELECT client_key FROM done`,

    // The next generation: a late reply to the client before is not committed. Refusals were of that client.
    // $1 provider, $2 from, $3 to, $4 ids, $5 generations, $6 session versions, $7 refresh, $8 access
    adopt: `
      WITH fresh AS (
        SELECT * FROM unnest($4::uuid[], $5::integer[], $6::integer[], $7::bytea[], $8::bytea[])
          AS f (id, generation, session_version, refresh_ct, access_ct)
      ), free AS (
        SELECT fresh.* FROM ${grant} g
          JOIN fresh ON fresh.id = g.id AND fresh.generation = g.generation AND fresh.session_version = g.session_version
        WHERE g.provider = $1::text AND g.client_key = $2::text AND g.state IN ${LIVE}
          AND (g.lease_until IS NULL OR g.lease_until <= clock_timestamp())
        FOR UPDATE OF g SKIP LOCKED
      ), done AS (
        UPDATE ${grant} g SET
          client_key = $3::text, generation = g.generation + 1, refresh_ct = free.refresh_ct, access_ct = free.access_ct,
          access_not_after = clock_timestamp(), ${NO_ATTEMPT}, next_attempt_at = NULL, fail_code = NULL, fail_count = 0,
          fail_counted_at = NULL, fail_secret = NULL, fail_runs = NULL, fail_until = NULL, fail_confirmed_at = NULL,
          updated_at = clock_timestamp()
        FROM free
        WHERE g.id = free.id AND g.generation = free.generation AND g.session_version = free.session_version
        RETURNING g.id
      )
      SELECT count(*)::integer AS count FROM done`,

    end,
  };
}
