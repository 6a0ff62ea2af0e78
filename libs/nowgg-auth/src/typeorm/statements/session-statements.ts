import { SIGNED_IN_ELSEWHERE, TOO_MANY_SESSIONS } from '../../tokens/store/session-record.js';
import type { TokenTables } from '../database/database-names.js';
import { grantRow } from './grant-row.js';
import { LOCK_TIMEOUT } from './statement-parts.js';

const LIVE = "('active', 'suspect')";
const ago = (parameter: string) => `clock_timestamp() - ${parameter}::float8 * interval '1 millisecond'`;

/** The statements about the sessions of a player. */
export function sessionStatements({ grant, userLock, sessionProof }: TokenTables) {
  return {
    // The first statement of the transaction: the next one sees what was stored while this one waited. A process that
    // is frozen in between keeps the row for five seconds.
    // $1 provider, $2 client key or the empty text for all, $3 user id
    lock: `
      WITH locked AS (
        INSERT INTO ${userLock} AS known (provider, client_key, user_id)
        SELECT $1::text, $2::text, $3::text FROM ${LOCK_TIMEOUT},
          (SELECT set_config('idle_in_transaction_session_timeout', '5000', true)) AS patient
        ON CONFLICT (provider, client_key, user_id) DO UPDATE SET ended_at = known.ended_at
        RETURNING user_id
      )
      SELECT user_id FROM locked`,

    // $1 grant id, $2 provider, $3 user id, $4 client key or null for all, $5 most sessions, $6 whether it is refused
    // when there are as many, $7 time for which a use counts, $8 time for which a sign-in may be in progress
    admit: `
      WITH held AS (
        SELECT * FROM ${grant}
        WHERE provider = $2 AND user_id = $3 AND ($4::text IS NULL OR client_key = $4) AND state IN ${LIVE}
        ORDER BY id FOR UPDATE
      ), mine AS (
        SELECT * FROM held WHERE id = $1
      ), others AS (
        SELECT held.id, coalesce(held.admitted_at, held.created_at) AS begun,
          (held.device_key = mine.device_key) IS NOT TRUE AND (held.key_thumbprint = mine.key_thumbprint) IS NOT TRUE
            AND ((held.access_not_after > clock_timestamp()) IS TRUE OR (held.session_used_at > ${ago('$7')}) IS TRUE)
            AS counts
        FROM held CROSS JOIN mine
        WHERE held.id <> mine.id AND mine.admitted_at IS NULL
          AND (held.admitted_at IS NOT NULL OR held.created_at <= ${ago('$8')})
      ), ranked AS (
        SELECT id, counts, row_number() OVER (PARTITION BY counts ORDER BY begun DESC, id DESC) AS place FROM others
      ), judged AS (
        SELECT $6::boolean AND count(*) FILTER (WHERE counts) >= $5::integer AS is_refused FROM ranked
      ), ending AS (
        SELECT ranked.id, '${SIGNED_IN_ELSEWHERE}' AS code FROM ranked CROSS JOIN judged
        WHERE NOT is_refused AND (NOT counts OR place >= $5::integer)
        UNION ALL
        SELECT mine.id, '${TOO_MANY_SESSIONS}' FROM mine CROSS JOIN judged WHERE is_refused
      ), ended AS (
        UPDATE ${grant} g SET
          state = 'revoked', session_version = g.session_version + 1, fail_code = ending.code,
          lease_owner = NULL, lease_until = NULL, attempt_started_at = NULL, updated_at = clock_timestamp()
        FROM ending WHERE g.id = ending.id
        RETURNING g.id
      ), admitted AS (
        UPDATE ${grant} g SET admitted_at = clock_timestamp()
        FROM mine CROSS JOIN judged WHERE g.id = mine.id AND mine.admitted_at IS NULL AND NOT is_refused
        RETURNING g.id
      )
      SELECT ${grantRow('held')}, ended.id IS NOT NULL AS "isEnded", judged.is_refused AS "isRefused"
      FROM held CROSS JOIN judged LEFT JOIN ended ON ended.id = held.id
      WHERE held.id = $1 OR ended.id IS NOT NULL
      UNION ALL
      SELECT ${grantRow('g')}, true, false
      FROM mine JOIN ${grant} g ON g.provider = $2 AND g.user_id = $3 AND ($4::text IS NULL OR g.client_key = $4)
      WHERE mine.admitted_at IS NOT NULL
        AND g.state = 'revoked' AND g.fail_code = '${SIGNED_IN_ELSEWHERE}' AND g.refresh_ct <> ''`,

    // $1 name, $2 kept for
    claimProof: `
      WITH claimed AS (
        INSERT INTO ${sessionProof} (name, not_after)
        VALUES ($1, clock_timestamp() + $2::float8 * interval '1 millisecond')
        ON CONFLICT (name) DO NOTHING RETURNING name
      )
      SELECT name FROM claimed`,

    // $1 provider, $2 user id, $3 client key, $4 limit
    listLive: `SELECT ${grantRow('g')} FROM ${grant} g
      WHERE g.provider = $1 AND g.user_id = $2 AND g.client_key = $3 AND g.state IN ${LIVE}
      ORDER BY g.created_at DESC, g.id DESC LIMIT $4::integer`,

    // $1 provider, $2 user id, $3 client key or null for all, $4 limit
    listNewest: `SELECT ${grantRow('g')} FROM ${grant} g
      WHERE g.provider = $1 AND g.user_id = $2 AND ($3::text IS NULL OR g.client_key = $3)
      ORDER BY g.state IN ${LIVE} DESC, g.created_at DESC, g.id DESC LIMIT $4::integer`,
  };
}
