import { FIRST_HANDLE_VERSION } from '../../tokens/store/grant-record.js';
import { grantRow } from './grant-row.js';
import { insertIssuedToken, LOCK_TIMEOUT, NO_REFUSAL } from './statement-parts.js';
import type { TokenTables } from '../database/database-names.js';

/** A parameter in milliseconds, as an interval. */
const interval = (parameter: string) => `${parameter}::float8 * interval '1 millisecond'`;
/** A parameter in epoch milliseconds, or null, as a time. */
const time = (parameter: string) => `to_timestamp(${parameter}::float8 / 1000)`;
const NO_LEASE = 'lease_owner = NULL, lease_until = NULL';
const LIVE = "('active', 'suspect')";

/** The statements about grants. Each is one round trip and its own transaction. */
export function grantStatements({ grant, issuedToken, userLock }: TokenTables) {
  return {
    find: `SELECT ${grantRow('g')} FROM ${grant} g WHERE g.id = $1`,

    list: `SELECT ${grantRow('g')} FROM ${grant} g WHERE g.provider = $1 AND g.user_id = $2
      AND ($3::text IS NULL OR g.client_key = $3) ORDER BY g.created_at, g.id`,

    // $1 provider, $2 session id, $3 client
    listOfSession: `SELECT ${grantRow('g')} FROM ${grant} g WHERE g.provider = $1 AND g.session_id = $2
      AND g.client_key = $3 ORDER BY g.created_at, g.id`,

    // The lock comes first and shows the newest version of the row. A bare UPDATE joined to a read would decide on the
    // newest version and return the one of its snapshot.
    // $1 id, $2 generation, $3 owner, $4 lease, $5 takeover lease, $6 quiet time, $7 secret, $8 pauses ended at
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
          AND (old.fail_until IS NULL OR old.fail_until <= clock_timestamp()
            OR old.fail_secret IS DISTINCT FROM $7 OR old.updated_at < ${time('$8')})
          AND ($6::float8 = 0 OR old.updated_at <= clock_timestamp() - ${interval('$6')})
        RETURNING g.id
      )
      SELECT ${grantRow('old')}, taken.id IS NOT NULL AS mine FROM old LEFT JOIN taken ON true`,

    // Expired tokens of the same grant are deleted, so that a grant in use has no more rows than unexpired tokens.
    // $1 id, $2 generation, $3 session version, $4 refresh, $5 access, $6 access expiry, $7 refresh expiry,
    // $8 withheld for, $9 digest, $10 scopes, $11 begun at, $12 longest life, $13 tolerance, $14 whether it is foreign
    commit: `
      WITH holder AS (
        SELECT $14::boolean OR EXISTS (
          SELECT 1 FROM ${issuedToken} t JOIN ${grant} o ON o.id = t.grant_id JOIN ${grant} g ON g.id = $1
          WHERE t.digest = $9::text AND o.provider = g.provider AND o.user_id <> g.user_id
        ) AS is_another
      ), done AS (
        UPDATE ${grant} g SET
          generation = g.generation + 1, refresh_ct = $4, access_ct = $5,
          state = CASE WHEN holder.is_another THEN 'suspect' ELSE 'active' END,
          access_obtained_at = clock_timestamp(),
          access_not_after = CASE WHEN holder.is_another THEN clock_timestamp() ELSE ${time('$6')} END,
          refresh_not_after = ${time('$7')},
          scopes = CASE WHEN holder.is_another THEN g.scopes ELSE coalesce($10::text[], g.scopes) END,
          ${NO_LEASE}, attempt_started_at = NULL,
          ${NO_REFUSAL}, fail_code = NULL,
          next_attempt_at = CASE WHEN holder.is_another THEN clock_timestamp() + ${interval('$8')} END,
          updated_at = clock_timestamp()
        FROM holder
        WHERE g.id = $1 AND g.generation = $2 AND g.session_version = $3 AND g.state <> 'revoked'
        RETURNING g.*
      ), issued AS (
        ${insertIssuedToken(issuedToken, 'done', { digest: '$9', begunAt: time('$11'), life: '$12' })}
      ), expired AS (
        DELETE FROM ${issuedToken} t USING done
        WHERE t.grant_id = done.id AND t.not_after <= statement_timestamp() - ${interval('$13')}
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

    // The pause after a refusal that is evidence applies to one secret, any other to all processes.
    // $1 id, $2 generation, $3 owner, $4 state, $5 code, $6 retry in, $7 secret or null, $8 count, $9 runs, $10 begins,
    // $11 confirmation
    refuse: `
      WITH done AS (
        UPDATE ${grant} SET
          ${NO_LEASE}, attempt_started_at = NULL, state = $4, fail_code = $5,
          next_attempt_at = CASE WHEN $7::text IS NULL AND $6::float8 > 0 THEN clock_timestamp() + ${interval('$6')} END,
          fail_until = CASE WHEN $7::text IS NULL THEN fail_until ELSE clock_timestamp() + ${interval('$6')} END,
          fail_secret = coalesce($7::text, fail_secret),
          fail_count = coalesce($8::integer, fail_count),
          fail_runs = coalesce($9::integer, fail_runs),
          fail_counted_at = CASE WHEN $10::boolean THEN clock_timestamp() ELSE fail_counted_at END,
          fail_confirmed_at = CASE $11::text
            WHEN 'new' THEN clock_timestamp() WHEN 'none' THEN NULL ELSE fail_confirmed_at END,
          updated_at = clock_timestamp()
        WHERE id = $1 AND generation = $2 AND lease_owner = $3 AND state IN ('active', 'suspect')
        RETURNING id
      )
      SELECT id FROM done`,

    // $1 id, $2 generation, $3 confirmed at: as it was read, which lost the microseconds' last digits
    endByEvidence: `
      WITH done AS (
        UPDATE ${grant} SET
          ${NO_LEASE}, attempt_started_at = NULL, state = 'needs_reauth', updated_at = clock_timestamp()
        WHERE id = $1 AND generation = $2 AND state = 'suspect'
          AND abs(extract(epoch FROM fail_confirmed_at) * 1000 - $3::float8) < 1
          AND (lease_until IS NULL OR lease_until <= clock_timestamp())
        RETURNING id
      )
      SELECT id FROM done`,

    revoke: revoking(grant, 'id = $1'),

    // The row's lock is acquired before the time is read: a sign-in that began before it is stored by now, or will be
    // stored as revoked.
    // $1 provider, $2 user id, $3 client key
    endSignIns: `
      WITH done AS (
        INSERT INTO ${userLock} AS known (provider, client_key, user_id, ended_at)
        SELECT $1::text, $3::text, $2::text, clock_timestamp() FROM ${LOCK_TIMEOUT}
        ON CONFLICT (provider, client_key, user_id) DO UPDATE SET ended_at = clock_timestamp()
        RETURNING user_id
      )
      SELECT user_id FROM done`,
    revokeUser: revoking(grant, 'provider = $1 AND user_id = $2 AND client_key = $3'),

    // Not a write of the refresh protocol: leaves updated_at alone.
    noteHandleKey: `
      WITH done AS (
        UPDATE ${grant} SET handle_key_id = $2 WHERE id = $1 AND handle_key_id IS DISTINCT FROM $2 RETURNING id
      )
      SELECT id FROM done`,

    // Not a write of the refresh protocol either.
    noteSessionUse: `
      WITH done AS (
        UPDATE ${grant} SET session_used_at = clock_timestamp() WHERE id = $1 AND state IN ${LIVE} RETURNING id
      )
      SELECT id FROM done`,

    // Nor is this one: a commit of a refresh that waits for it, or overtakes it, still finds its own fence.
    // $1 id, $2 session version, $3 handle version, $4 key
    advanceHandle: `
      WITH done AS (
        UPDATE ${grant} SET handle_version = $3::integer, handle_key_id = $4, session_used_at = clock_timestamp()
        WHERE id = $1 AND session_version = $2 AND state IN ${LIVE} AND handle_version < $3::integer
        RETURNING id
      )
      SELECT id FROM done`,

    // The row is looked at again once another one has let it go: the first of several keys wins.
    // $1 id, $2 session version, $3 key or null
    settleKey: `
      WITH done AS (
        UPDATE ${grant} SET key_thumbprint = $3::text,
          handle_version = CASE WHEN $3::text IS NULL THEN greatest(handle_version, ${FIRST_HANDLE_VERSION + 1})
            ELSE handle_version END
        WHERE id = $1 AND session_version = $2 AND state IN ${LIVE} AND (
          key_thumbprint IS NOT DISTINCT FROM $3::text
          OR key_thumbprint IS NULL AND handle_version = ${FIRST_HANDLE_VERSION})
        RETURNING id
      )
      SELECT id FROM done`,

    // $1 grant id, $2 tolerance
    findTokensOfEnded: `
      SELECT
        EXISTS (
          SELECT 1 FROM ${grant} o
          WHERE o.provider = g.provider AND o.session_id = g.session_id AND o.id <> g.id AND o.state IN ${LIVE}
        ) AS "sharesSession",
        (
          SELECT json_agg(json_build_object(
            'credentialId', t.digest, 'notAfterMs', date_part('epoch', t.not_after) * 1000))::text
          FROM ${issuedToken} t
          WHERE t.grant_id = g.id AND t.not_after > statement_timestamp() - ${interval('$2')}
            AND NOT EXISTS (
              SELECT 1 FROM ${issuedToken} s JOIN ${grant} o ON o.id = s.grant_id
              WHERE s.digest = t.digest AND s.grant_id <> g.id AND o.provider = g.provider AND o.state IN ${LIVE}
            )
        ) AS tokens
      FROM ${grant} g WHERE g.id = $1`,

    // $1 provider, $2 digest
    findIssuedTokens: `
      SELECT t.grant_id AS "grantId", g.user_id AS "userId", t.generation,
        date_part('epoch', t.begun_at) * 1000 AS "begunAtMs", to_json(t.scopes)::text AS scopes
      FROM ${issuedToken} t JOIN ${grant} g ON g.id = t.grant_id
      WHERE t.digest = $2 AND g.provider = $1`,

    // $1 id, $2 generation, $3 retry in
    withhold: `
      WITH done AS (
        UPDATE ${grant} SET
          state = 'suspect', access_not_after = clock_timestamp(),
          next_attempt_at = clock_timestamp() + ${interval('$3')}, updated_at = clock_timestamp()
        WHERE id = $1 AND generation = $2 AND state IN ${LIVE}
          AND (access_not_after IS NULL OR access_not_after > clock_timestamp())
        RETURNING id
      )
      SELECT id FROM done`,

    wipe: `
      WITH done AS (
        UPDATE ${grant} SET refresh_ct = '', access_ct = '' WHERE id = $1 AND state = 'revoked' RETURNING id
      )
      SELECT id FROM done`,
  };
}

/** Returns the rows as they were, so that their ciphertexts can still be decrypted. Locks in the order of ids. */
function revoking(grant: string, which: string): string {
  return `
    WITH old AS (
      SELECT * FROM ${grant} WHERE ${which} AND state <> 'revoked' ORDER BY id FOR UPDATE
    ), done AS (
      UPDATE ${grant} g SET
        state = 'revoked', session_version = g.session_version + 1, ${NO_LEASE}, attempt_started_at = NULL,
        updated_at = clock_timestamp()
      FROM old WHERE g.id = old.id
      RETURNING g.id
    )
    SELECT ${grantRow('old')} FROM old JOIN done ON done.id = old.id`;
}
