import { grantRow } from './grant-row.js';
import type { TokenTables } from '../database/database-names.js';

const HAS_TEXT = 'length(refresh_ct) > 0';
const ENDED = "state IN ('needs_reauth', 'revoked')";
// Uses the statement's time, not the clock: a time that may change from row to row cannot use an index.
const before = (parameter: string) => `statement_timestamp() - ${parameter}::float8 * interval '1 millisecond'`;

/** The statements of the vault's upkeep, in batches that lock few rows and wait for none. */
export function vaultStatements({ grant, exchange, key, issuedToken, userLock }: TokenTables) {
  // An empty ciphertext is under no key.
  const otherwise = (column: string) =>
    `(length(${column}) > 0 AND substring(${column} FROM 1 FOR length($1::bytea)) <> $1::bytea)`;
  // A refresh token that still worked after its announced expiry is not expired.
  const sweepable = `(${ENDED} AND updated_at <= ${before('$1')})
    OR (refresh_not_after <= ${before('$2')} AND access_obtained_at <= ${before('$2')})`;
  return {
    // $1 header, $2 id, $3 limit
    listSealedOtherwise: `
      SELECT ${grantRow('g')} FROM ${grant} g
      WHERE ($2::uuid IS NULL OR g.id > $2::uuid) AND ${HAS_TEXT} AND (${otherwise('g.access_ct')} OR ${otherwise('g.refresh_ct')})
      ORDER BY g.id LIMIT $3`,

    // $1 ids, $2 generations, $3 session versions, $4 refresh, $5 access. What was wiped stays wiped.
    reseal: `
      WITH fresh AS (
        SELECT * FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::bytea[], $5::bytea[])
          AS f (id, generation, session_version, refresh_ct, access_ct)
      ), free AS (
        SELECT fresh.* FROM ${grant} g
          JOIN fresh ON fresh.id = g.id AND fresh.generation = g.generation AND fresh.session_version = g.session_version
        WHERE length(g.refresh_ct) > 0 AND length(g.access_ct) > 0
        FOR UPDATE OF g SKIP LOCKED
      ), done AS (
        UPDATE ${grant} g SET refresh_ct = free.refresh_ct, access_ct = free.access_ct
        FROM free
        WHERE g.id = free.id AND g.generation = free.generation AND g.session_version = free.session_version
        RETURNING g.id
      )
      SELECT count(*)::integer AS count FROM done`,

    hasRepliesSealedOtherwise: `
      SELECT EXISTS (SELECT 1 FROM ${exchange} WHERE reply_ct IS NOT NULL AND ${otherwise('reply_ct')}) AS found`,

    listKeyChecks: `SELECT key_id AS "keyId", check_ct AS "checkCiphertext" FROM ${key} ORDER BY key_id`,

    addKeyCheck: `
      WITH done AS (
        INSERT INTO ${key} (key_id, check_ct, created_at) VALUES ($1, $2, clock_timestamp())
        ON CONFLICT (key_id) DO NOTHING RETURNING key_id
      )
      SELECT key_id FROM done`,

    removeKeyCheck: `WITH done AS (DELETE FROM ${key} WHERE key_id = $1 RETURNING key_id) SELECT key_id FROM done`,

    count: `
      SELECT state, count(*)::float8 AS count,
        CASE WHEN length(refresh_ct) > 2 THEN encode(substring(refresh_ct FROM 3 FOR get_byte(refresh_ct, 1)), 'escape')
          WHEN length(refresh_ct) > 0 THEN '' END AS "keyId",
        coalesce(substring(access_ct FROM 1 FOR 1) = '\\x01'::bytea OR substring(refresh_ct FROM 1 FOR 1) = '\\x01'::bytea, false)
          AS "isFirstVersion",
        handle_key_id AS "handleKeyId"
      FROM ${grant} GROUP BY 1, 3, 4, 5`,

    countExchanges: `SELECT count(*)::float8 AS count FROM ${exchange}`,

    // $1 ended for, $2 expired for, $3 claimed for
    countSweepable: `
      SELECT (SELECT count(*)::float8 FROM ${grant} WHERE ${sweepable}) AS grants,
        (SELECT count(*)::float8 FROM ${exchange} WHERE created_at <= ${before('$3')}) AS exchanges`,

    // $1 ended for, $2 expired for, $3 claimed for, $4 limit
    sweep: `
      WITH old AS (SELECT id FROM ${grant} WHERE ${sweepable} LIMIT $4 FOR UPDATE SKIP LOCKED),
      gone AS (DELETE FROM ${grant} g USING old WHERE g.id = old.id RETURNING g.id),
      claims AS (
        SELECT code_hash FROM ${exchange} WHERE created_at <= ${before('$3')}
        ORDER BY created_at LIMIT $4 FOR UPDATE SKIP LOCKED
      ),
      dropped AS (DELETE FROM ${exchange} e USING claims WHERE e.code_hash = claims.code_hash RETURNING e.code_hash)
      SELECT (SELECT count(*)::integer FROM gone) AS grants, (SELECT count(*)::integer FROM dropped) AS exchanges`,

    // $1 id, $2 ended for, $3 limit
    listUnwiped: `
      SELECT ${grantRow('g')} FROM ${grant} g
      WHERE ($1::uuid IS NULL OR g.id > $1::uuid) AND g.state = 'revoked' AND ${HAS_TEXT}
        AND g.updated_at <= ${before('$2')}
      ORDER BY g.id LIMIT $3`,

    // $1 ended for, $2 limit
    sweepTexts: `
      WITH old AS (
        SELECT id FROM ${grant} WHERE ${ENDED} AND ${HAS_TEXT} AND updated_at <= ${before('$1')}
        LIMIT $2 FOR UPDATE SKIP LOCKED
      ), done AS (
        UPDATE ${grant} g SET refresh_ct = '', access_ct = '' FROM old WHERE g.id = old.id RETURNING g.id
      )
      SELECT count(*)::integer AS count FROM done`,

    // $1 expired for, $2 limit
    sweepIssuedTokens: `
      WITH old AS (
        SELECT digest, grant_id FROM ${issuedToken} WHERE not_after <= ${before('$1')}
        ORDER BY not_after LIMIT $2 FOR UPDATE SKIP LOCKED
      ), gone AS (
        DELETE FROM ${issuedToken} t USING old WHERE t.digest = old.digest AND t.grant_id = old.grant_id RETURNING 1
      )
      SELECT count(*)::integer AS count FROM gone`,

    // $1 ended for, $2 limit
    sweepUserLocks: `
      WITH old AS (
        SELECT provider, client_key, user_id FROM ${userLock} WHERE ended_at IS NULL OR ended_at <= ${before('$1')}
        LIMIT $2 FOR UPDATE SKIP LOCKED
      ), gone AS (
        DELETE FROM ${userLock} l USING old
        WHERE l.provider = old.provider AND l.client_key = old.client_key AND l.user_id = old.user_id
        RETURNING 1
      )
      SELECT count(*)::integer AS count FROM gone`,

    forget: `
      WITH gone AS (DELETE FROM ${grant} WHERE provider = $1 AND user_id = $2 AND ($3::text IS NULL OR client_key = $3) RETURNING id),
      forgotten AS (DELETE FROM ${issuedToken} t USING gone WHERE t.grant_id = gone.id)
      SELECT count(*)::integer AS count FROM gone`,
  };
}
