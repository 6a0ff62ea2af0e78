import { erasureParts } from './audit-statements.js';
import { grantPage } from './grant-page.js';
import { grantRow } from './grant-row.js';
import { NO_REFUSAL } from './statement-parts.js';
import { changeStatement, countStatement, deletion, IN_PLACE, type Walk, type WalkStatement } from './walk.js';
import type { TokenTables } from '../database/database-names.js';
import { sealOf, weekOf } from '../database/grant-expressions.js';

const HAS_TEXT = 'length(refresh_ct) > 0';
// Uses the statement's time, not the clock: a time that may change from row to row cannot use an index.
const before = (parameter: string) => `statement_timestamp() - ${parameter}::float8 * interval '1 millisecond'`;

/** The statements about old rows, in pages of an index. */
function walks({ grant, exchange, issuedToken, userLock, sessionProof }: TokenTables) {
  const id = ['id', 'uuid'] as const;
  const user = [
    ['provider', 'text'],
    ['client_key', 'text'],
    ['user_id', 'text'],
  ] as const;
  return {
    // $3 ended for
    ended: {
      table: grant,
      keys: [['ended_at', 'timestamptz'], id],
      range: `g.ended_at IS NOT NULL AND g.ended_at <= ${before('$3')}`,
      wanted: `g.ended_at <= ${before('$3')}`,
    },
    // Those that have ended as well are left to the other walk, as long as that deletes them.
    // A refresh token that still worked after its announced expiry is not expired.
    // $3 expired for, $4 ended for
    expired: {
      table: grant,
      keys: [['refresh_week', 'integer'], id],
      range: `g.refresh_week IS NOT NULL AND g.refresh_week <= ${weekOf(before('$3'))}`,
      wanted: `g.refresh_not_after <= ${before('$3')} AND g.access_obtained_at <= ${before('$3')}
        AND (g.ended_at IS NULL OR g.ended_at > ${before('$4')})`,
    },
    // $3 claimed for
    claimed: {
      table: exchange,
      keys: [
        ['created_at', 'timestamptz'],
        ['code_hash', 'text'],
      ],
      range: `g.created_at <= ${before('$3')}`,
      wanted: `g.created_at <= ${before('$3')}`,
    },
    // $3 ended for
    unwiped: {
      table: grant,
      keys: [['unwiped_at', 'timestamptz'], id],
      range: `g.unwiped_at IS NOT NULL AND g.unwiped_at <= ${before('$3')}`,
      wanted: `g.unwiped_at <= ${before('$3')}`,
    },
    // $3 expired for
    issuedTokens: {
      table: issuedToken,
      keys: [
        ['not_after', 'timestamptz'],
        ['digest', 'text'],
        ['grant_id', 'uuid'],
      ],
      range: `g.not_after <= ${before('$3')}`,
      wanted: `g.not_after <= ${before('$3')}`,
    },
    proofs: {
      table: sessionProof,
      keys: [
        ['not_after', 'timestamptz'],
        ['name', 'text'],
      ],
      range: 'g.not_after <= statement_timestamp()',
      wanted: 'g.not_after <= statement_timestamp()',
    },
    /** Users who only signed in. */
    unendedUsers: { table: userLock, keys: user, range: 'g.ended_at IS NULL', wanted: 'g.ended_at IS NULL' },
    // $3 ended for
    endedUsers: {
      table: userLock,
      keys: [['ended_at', 'timestamptz'], ...user],
      range: `g.ended_at IS NOT NULL AND g.ended_at <= ${before('$3')}`,
      wanted: `g.ended_at <= ${before('$3')}`,
    },
    /** Grants that ended by evidence and can be restored. */
    retryable: {
      table: grant,
      keys: [['unwiped_at', 'timestamptz'], id],
      range: 'g.unwiped_at IS NOT NULL',
      wanted: "g.unwiped_at IS NOT NULL AND g.state = 'needs_reauth' AND g.fail_confirmed_at IS NOT NULL",
    },
    allClaimed: { table: exchange, keys: [['code_hash', 'text']], range: 'true', wanted: 'true' },
  } satisfies Record<string, Walk>;
}

/** The statements of the vault's upkeep. Each looks at few rows, and waits for no lock. */
export function vaultStatements(tables: TokenTables) {
  const { grant, exchange, key, issuedToken, vaultCount } = tables;
  const old = walks(tables);
  const deleting = (walk: Walk): WalkStatement => ({ walk, statement: changeStatement(walk, deletion(walk)) });
  const counting = (walk: Walk): WalkStatement => ({ walk, statement: countStatement(walk) });
  // An empty ciphertext is under no key.
  const otherwise = (column: string) =>
    `(length(${column}) > 0 AND substring(${column} FROM 1 FOR length($1::bytea)) <> $1::bytea)`;
  return {
    // $1 header, $2 id, $3 limit
    listSealedOtherwise: grantPage(
      grant,
      `${HAS_TEXT} AND (${otherwise('g.access_ct')} OR ${otherwise('g.refresh_ct')})`,
      '$2',
      '$3',
    ),

    // The exact counts, which hold for the moment of this statement.
    // $1 header
    hasGrantsSealedOtherwise: `
      SELECT EXISTS (
        SELECT 1 FROM ${vaultCount}
        WHERE refresh_seal <> '' AND (refresh_seal <> ${sealOf('$1::bytea')} OR access_seal NOT IN ('', ${sealOf('$1::bytea')}))
        GROUP BY refresh_seal, access_seal HAVING sum(grants) <> 0
      ) AS found`,

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

    // Empty groups are those of grants that have changed or gone.
    count: `
      SELECT state, sum(grants)::float8 AS count,
        CASE WHEN refresh_seal = '?' THEN '' WHEN refresh_seal <> '' THEN substring(refresh_seal FROM '^[^:]*:(.*)$') END
          AS "keyId",
        refresh_seal LIKE '1:%' OR access_seal LIKE '1:%' AS "isFirstVersion",
        nullif(handle_key_id, '') AS "handleKeyId"
      FROM ${vaultCount} GROUP BY 1, 3, 4, 5 HAVING sum(grants) <> 0`,

    countExchanges: counting(old.allClaimed),

    countSweepable: {
      ended: counting(old.ended),
      expired: counting(old.expired),
      claimed: counting(old.claimed),
    },

    sweep: {
      ended: deleting(old.ended),
      expired: deleting(old.expired),
      claimed: deleting(old.claimed),
    },

    // $1 id, $2 ended for, $3 limit
    listUnwiped: `
      SELECT ${grantRow('g')} FROM ${grant} g
      WHERE ($1::uuid IS NULL OR g.id > $1::uuid) AND g.state = 'revoked' AND g.unwiped_at IS NOT NULL
        AND g.unwiped_at <= ${before('$2')}
      ORDER BY g.id LIMIT $3`,

    sweepTexts: {
      walk: old.unwiped,
      statement: changeStatement(
        old.unwiped,
        `UPDATE ${grant} g SET refresh_ct = '', access_ct = '' WHERE ${IN_PLACE} RETURNING 1`,
      ),
    },

    sweepIssuedTokens: {
      issuedTokens: deleting(old.issuedTokens),
      unendedUsers: deleting(old.unendedUsers),
      endedUsers: deleting(old.endedUsers),
    },

    sweepProofs: deleting(old.proofs),

    countRetryable: counting(old.retryable),

    retryEnded: {
      walk: old.retryable,
      statement: changeStatement(
        old.retryable,
        `UPDATE ${grant} g SET state = 'suspect', ${NO_REFUSAL}, next_attempt_at = NULL, updated_at = clock_timestamp()
         WHERE ${IN_PLACE} RETURNING 1`,
      ),
    },

    // $1 provider, $2 user id, $3 client key or null for all, $4 acts
    forget: `
      WITH gone AS (DELETE FROM ${grant} WHERE provider = $1 AND user_id = $2 AND ($3::text IS NULL OR client_key = $3) RETURNING id),
      forgotten AS (DELETE FROM ${issuedToken} t USING gone WHERE t.grant_id = gone.id),
      ${erasureParts(tables, ['$1', '$2', '$4'])}
      SELECT count(*)::integer AS count FROM gone`,
  };
}
