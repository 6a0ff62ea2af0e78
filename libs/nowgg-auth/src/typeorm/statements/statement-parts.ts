/** A source of one row that limits, for its statement only, the wait for another transaction's lock. */
export const LOCK_TIMEOUT = `(SELECT set_config('lock_timeout', '2000', true)) AS bounded`;

/** Columns of a grant without any refusal. */
export const NO_REFUSAL =
  'fail_count = 0, fail_counted_at = NULL, fail_secret = NULL, fail_runs = NULL, fail_until = NULL, fail_confirmed_at = NULL';

/** Expressions for the values that a grant's row does not have. */
interface IssuedTokenValues {
  readonly digest: string;
  readonly begunAt: string;
  /** Life of a token of unknown expiry, in milliseconds. */
  readonly life: string;
}

/**
 * Inserts the access token of the grant row that a part of the same statement has just written, if the token has a
 * digest and is not withheld.
 */
export function insertIssuedToken(
  issuedToken: string,
  written: string,
  { digest, begunAt, life }: IssuedTokenValues,
): string {
  return `
    INSERT INTO ${issuedToken} (digest, grant_id, generation, scopes, begun_at, received_at, not_after)
    SELECT ${digest}::text, id, generation, scopes, ${begunAt}, clock_timestamp(),
      CASE WHEN access_not_after > clock_timestamp() THEN access_not_after
        ELSE clock_timestamp() + ${life}::float8 * interval '1 millisecond' END
    FROM ${written} WHERE ${digest}::text IS NOT NULL AND state <> 'suspect'
    ON CONFLICT (digest, grant_id) DO NOTHING`;
}
