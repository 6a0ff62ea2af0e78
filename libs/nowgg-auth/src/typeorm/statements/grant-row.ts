import type { GrantState } from '../../tokens/store/grant.js';
import type { GrantRecord, RefusalRun } from '../../tokens/store/grant-record.js';

/**
 * A row as the statements return it: one column for the whole grant. With two dozen columns, the database would resolve
 * each and describe it to the driver for every statement, which costs several times what finding the row does. It is
 * text, so that no type parser of the application changes it.
 */
export interface GrantRow {
  readonly grant: string;
  /** Epoch milliseconds of the database's clock. */
  readonly readAtMs: number;
}

/**
 * The columns that a statement selects for a {@link GrantRow}.
 * @param of alias of the table, or name of the subquery
 */
export function grantRow(of: string): string {
  return `to_json(${of})::text AS "grant", date_part('epoch', clock_timestamp()) * 1000 AS "readAtMs"`;
}

/** The columns of `nowgg_grant` as `to_json` writes them. */
interface StoredGrant {
  readonly id: string;
  readonly provider: string;
  readonly client_key: string;
  readonly user_id: string;
  readonly session_id: string | null;
  readonly state: GrantState;
  readonly generation: number;
  readonly session_version: number;
  readonly refresh_ct: string;
  readonly access_ct: string;
  readonly access_obtained_at: string;
  readonly access_not_after: string | null;
  readonly refresh_not_after: string | null;
  readonly lease_owner: string | null;
  readonly lease_until: string | null;
  readonly attempt_started_at: string | null;
  readonly fail_count: number;
  readonly fail_code: string | null;
  readonly fail_counted_at: string | null;
  /** Absent in a row that a release before these columns wrote, as are the next three. */
  readonly fail_secret?: string | null;
  readonly fail_runs?: number | null;
  readonly fail_until?: string | null;
  readonly fail_confirmed_at?: string | null;
  readonly next_attempt_at: string | null;
  /** Absent in a row that a release before this column wrote. */
  readonly begun_at?: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly handle_key_id: string | null;
  readonly handle_version: number;
  /** Absent in a row that a release before these columns wrote. */
  readonly session_begun_at?: string | null;
  readonly session_used_at?: string | null;
  readonly origin_mac: string | null;
  /** Absent in a row that a release before this column wrote. */
  readonly scopes?: readonly string[] | null;
  /** Absent in a row that a release before these columns wrote. */
  readonly device?: string | null;
  readonly device_key?: string | null;
  readonly place?: string | null;
  readonly admitted_at?: string | null;
  /** Absent in a row that a release before this column wrote. */
  readonly key_thumbprint?: string | null;
}

export function grantRecordOf({ grant, readAtMs }: GrantRow): GrantRecord {
  const stored = JSON.parse(grant) as StoredGrant;
  return {
    id: stored.id,
    provider: stored.provider,
    clientKey: stored.client_key,
    userId: stored.user_id,
    sessionId: stored.session_id ?? undefined,
    state: stored.state,
    generation: stored.generation,
    sessionVersion: stored.session_version,
    refreshCiphertext: bytes(stored.refresh_ct),
    accessCiphertext: bytes(stored.access_ct),
    accessObtainedAtMs: epochMs(stored.access_obtained_at),
    accessTokenExpiresAtMs: optionalEpochMs(stored.access_not_after),
    refreshTokenExpiresAtMs: optionalEpochMs(stored.refresh_not_after),
    leaseOwner: stored.lease_owner ?? undefined,
    leaseUntilMs: optionalEpochMs(stored.lease_until),
    attemptStartedAtMs: optionalEpochMs(stored.attempt_started_at),
    failCode: stored.fail_code ?? undefined,
    refusal: refusalOf(stored),
    nextAttemptAtMs: optionalEpochMs(stored.next_attempt_at),
    begunAtMs: epochMs(stored.begun_at ?? stored.created_at),
    createdAtMs: epochMs(stored.created_at),
    updatedAtMs: epochMs(stored.updated_at),
    readAtMs,
    handleKeyId: stored.handle_key_id ?? undefined,
    handleVersion: stored.handle_version,
    sessionBegunAtMs: epochMs(stored.session_begun_at ?? stored.created_at),
    sessionUsedAtMs: epochMs(stored.session_used_at ?? stored.created_at),
    originMac: stored.origin_mac ? bytes(stored.origin_mac) : undefined,
    scopes: stored.scopes ?? undefined,
    device: stored.device ?? undefined,
    deviceKey: stored.device_key ?? undefined,
    place: stored.place ?? undefined,
    keyThumbprint: stored.key_thumbprint ?? undefined,
    admittedAtMs: optionalEpochMs(stored.admitted_at ?? null),
  };
}

function refusalOf(stored: StoredGrant): RefusalRun | undefined {
  const { fail_secret: secret, fail_counted_at: firstAt } = stored;
  if (secret === null || secret === undefined || firstAt === null) return undefined;
  const firstAtMs = epochMs(firstAt);
  return {
    secret,
    count: stored.fail_count,
    runs: stored.fail_runs ?? 1,
    firstAtMs,
    untilMs: optionalEpochMs(stored.fail_until ?? null) ?? firstAtMs,
    confirmedAtMs: optionalEpochMs(stored.fail_confirmed_at ?? null),
  };
}

function optionalEpochMs(time: string | null): number | undefined {
  return time === null ? undefined : epochMs(time);
}

/** Year, the rest down to seconds, their fraction, zone. JSON has this form with any `DateStyle` of the session. */
const TIME = /^(\d{4,6})(-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?([+-]\d\d:\d\d)$/;

/**
 * Milliseconds with their fraction: a `Date` would lose the microseconds. Also accepts years of five digits. A time
 * that no `Date` can hold is infinitely far away, never `NaN`.
 */
function epochMs(time: string): number {
  const [, year = '', rest, fraction, zone] = TIME.exec(time) ?? [];
  const wholeSeconds = Date.parse(`+${year.padStart(6, '0')}${rest}${zone}`);
  if (Number.isNaN(wholeSeconds)) return time === '-infinity' || time.endsWith(' BC') ? -Infinity : Infinity;
  return fraction === undefined ? wholeSeconds : wholeSeconds + Number(fraction) * 1000;
}

/** A `bytea` in either of the formats that `bytea_output` may have. */
function bytes(text: string): Buffer {
  if (text.startsWith('\\x')) return Buffer.from(text.slice(2), 'hex');
  const unescaped = text.replaceAll(/\\(\\|[0-7]{3})/g, (_, escaped: string) =>
    escaped === '\\' ? escaped : String.fromCharCode(Number.parseInt(escaped, 8)),
  );
  return Buffer.from(unescaped, 'latin1');
}
