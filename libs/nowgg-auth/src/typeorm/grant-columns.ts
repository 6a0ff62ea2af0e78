import type { GrantRecord } from '../tokens/grant-record.js';

/** A row as the statements return it: a {@link GrantRecord} with null for what is absent. */
export type GrantRow = { readonly [K in keyof GrantRecord]: Exclude<GrantRecord[K], undefined> | null };

/** Milliseconds with their fraction: a driver's `Date` would lose the microseconds. */
function ms(column: string, name: string): string {
  return `(extract(epoch FROM ${column}) * 1000)::float8 AS "${name}"`;
}

/** The columns of `nowgg_grant` under the names of {@link GrantRecord}. @param of alias of the table or subquery */
export function grantColumns(of: string): string {
  return [
    `${of}.id`,
    `${of}.provider`,
    `${of}.client_key AS "clientKey"`,
    `${of}.user_id AS "userId"`,
    `${of}.session_id AS "sessionId"`,
    `${of}.state`,
    `${of}.generation`,
    `${of}.session_version AS "sessionVersion"`,
    `${of}.refresh_ct AS "refreshCt"`,
    `${of}.access_ct AS "accessCt"`,
    ms(`${of}.access_obtained_at`, 'accessObtainedAtMs'),
    ms(`${of}.access_not_after`, 'accessNotAfterMs'),
    ms(`${of}.refresh_not_after`, 'refreshNotAfterMs'),
    `${of}.lease_owner AS "leaseOwner"`,
    ms(`${of}.lease_until`, 'leaseUntilMs'),
    ms(`${of}.attempt_started_at`, 'attemptStartedAtMs'),
    `${of}.fail_count AS "failCount"`,
    `${of}.fail_code AS "failCode"`,
    ms(`${of}.fail_counted_at`, 'failCountedAtMs'),
    ms(`${of}.next_attempt_at`, 'nextAttemptAtMs'),
    ms(`${of}.created_at`, 'createdAtMs'),
    ms(`${of}.updated_at`, 'updatedAtMs'),
    ms('clock_timestamp()', 'readAtMs'),
  ].join(', ');
}

export function grantRecordOf(row: GrantRow): GrantRecord {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value ?? undefined]),
  ) as unknown as GrantRecord;
}
