/** A source of one row that bounds, for its statement alone, how long it waits for another's lock. */
export const LOCK_TIMEOUT = `(SELECT set_config('lock_timeout', '2000', true)) AS bounded`;

/** Expressions of the values that a grant's row does not have. */
export interface IssuedTokenValues {
  readonly digest: string;
  readonly scopes: string;
  readonly begunAt: string;
  /** How long a token of unknown expiry lives, milliseconds. */
  readonly life: string;
}

/**
 * Remembers the access token of the grant row that a part of the same statement has just written, if it has a digest
 * and is not withheld.
 */
export function insertIssuedToken(
  issuedToken: string,
  written: string,
  { digest, scopes, begunAt, life }: IssuedTokenValues,
): string {
  return `
    INSERT INTO ${issuedToken} (digest, grant_id, generation, scopes, begun_at, received_at, not_after)
    SELECT ${digest}::text, id, generation, ${scopes}::text[], ${begunAt}, clock_timestamp(),
      CASE WHEN access_not_after > clock_timestamp() THEN access_not_after
        ELSE clock_timestamp() + ${life}::float8 * interval '1 millisecond' END
    FROM ${written} WHERE ${digest}::text IS NOT NULL AND state <> 'suspect'
    ON CONFLICT (digest, grant_id) DO NOTHING`;
}
