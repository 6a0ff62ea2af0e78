/**
 * The kind of subject that a revocation names: a user, a session or a token by the identity system's ids, or one
 * credential by its fingerprint.
 */
export type RevocationKind = 'user' | 'session' | 'token' | 'credential';

/** The subject that is revoked or restored. */
export interface RevocationSubject {
  readonly provider: string;
  readonly kind: RevocationKind;
  /** For a credential: SHA-256 as 43 base64url characters. Otherwise the identity system's id. */
  readonly id: string;
}

/** What the author of a ban states about it. */
export interface BanNotice {
  readonly reasonCode: string | undefined;
  readonly text: string | undefined;
  /** The author, as the application names them. */
  readonly by: string | undefined;
  /** When it is written, in epoch milliseconds. A store with a clock of its own uses that instead. */
  readonly atMs: number;
}

/** `signed_in_elsewhere`: the session has ended because its player signed in on another device. */
export type MarkCause = 'signed_in_elsewhere';

/** The state of one subject. Times are epoch milliseconds; if neither of the first two is set, nothing is refused. */
export interface Watermark extends RevocationSubject {
  /**
   * Tokens issued up to this time are refused; a token without a time of issue counts as issued before. A mark of one
   * token or credential refuses it whatever its time of issue.
   */
  readonly issuedUntilMs: number | undefined;
  /** Until this time everything is refused, also tokens that are issued later. */
  readonly refusedUntilMs: number | undefined;
  /**
   * When {@link issuedUntilMs} was written, by the clock of the store. A store with a clock of its own sets it; other
   * stores keep the given value.
   */
  readonly markedAtMs?: number | undefined;
  /**
   * Whether another system states {@link markedAtMs}: then the store keeps it, but marks nothing later than its own clock.
   * Only in what is written.
   */
  readonly isStated?: boolean | undefined;
  /** For one token: when it expires. For a user or session: the time until which the mark is kept at least. */
  readonly notAfterMs?: number | undefined;
  /** Why a mark that is not a ban was written, where the holders of its tokens are told. */
  readonly cause?: MarkCause | undefined;
  /** Of a ban that is written. Kept by the store and not in memory. */
  readonly ban?: BanNotice | undefined;
}

const DAY_MS = 24 * 3_600_000;

/** The longest life of a token that does not state its expiry, unless it is configured. */
export const WATERMARK_RETENTION_MS = 30 * DAY_MS;
/** Time that a mark is kept longer than its token: an expiry that was computed from `expires_in` is not exact. */
const ONE_TOKEN_MARGIN_MS = 60_000;

/** Whether a mark names one token instead of everything issued to a user or session. */
function namesOneToken(kind: RevocationKind): boolean {
  return kind === 'token' || kind === 'credential';
}

/** Merges two revocations of a subject: the later times count, and a new end of a ban replaces the old one. */
export function mergeWatermarks(older: Watermark | undefined, newer: Watermark): Watermark {
  if (!older) return newer;
  return {
    ...newer,
    issuedUntilMs: later(older.issuedUntilMs, newer.issuedUntilMs),
    refusedUntilMs: newer.refusedUntilMs ?? older.refusedUntilMs,
    markedAtMs: later(older.markedAtMs, newer.markedAtMs),
    notAfterMs: later(older.notAfterMs, newer.notAfterMs),
    cause: newer.issuedUntilMs === undefined ? older.cause : newer.cause,
    ban: newer.refusedUntilMs === undefined ? older.ban : newer.ban,
  };
}

/** Everything that one of two states of a subject refuses, for as long as it is not known which is the later one. */
export function strictestOf(one: Watermark, other: Watermark): Watermark {
  return { ...mergeWatermarks(one, other), refusedUntilMs: later(one.refusedUntilMs, other.refusedUntilMs) };
}

/** Whether two states of a subject have the same times. */
export function refusesTheSame(one: Watermark, other: Watermark): boolean {
  const [{ issuedUntilMs, refusedUntilMs, markedAtMs, notAfterMs }, times] = [timesOf(one), timesOf(other)];
  return (
    Object.is(issuedUntilMs, times.issuedUntilMs) &&
    Object.is(refusedUntilMs, times.refusedUntilMs) &&
    Object.is(markedAtMs, times.markedAtMs) &&
    Object.is(notAfterMs, times.notAfterMs)
  );
}

/** A text that no other subject has. */
export function keyOfSubject({ provider, kind, id }: RevocationSubject): string {
  return JSON.stringify([provider, kind, id]);
}

/** The times of a mark; NaN for an absent time. */
export interface MarkTimes {
  readonly issuedUntilMs: number;
  readonly refusedUntilMs: number;
  readonly markedAtMs: number;
  readonly notAfterMs: number;
}

export function timesOf({ issuedUntilMs, refusedUntilMs, markedAtMs, notAfterMs }: Watermark): MarkTimes {
  return {
    issuedUntilMs: issuedUntilMs ?? Number.NaN,
    refusedUntilMs: refusedUntilMs ?? Number.NaN,
    markedAtMs: markedAtMs ?? issuedUntilMs ?? Number.NaN,
    notAfterMs: notAfterMs ?? Number.NaN,
  };
}

/**
 * The time from which a mark can refuse nothing, in epoch milliseconds; minus infinity for a mark that never could.
 *
 * @param lifeMs the longest life of a token of its provider
 */
export function endOf(kind: RevocationKind, times: MarkTimes, lifeMs: number): number {
  const { issuedUntilMs, refusedUntilMs, notAfterMs } = times;
  const endOfBan = Number.isNaN(refusedUntilMs) ? Number.NEGATIVE_INFINITY : refusedUntilMs;
  if (Number.isNaN(issuedUntilMs)) return endOfBan;
  const lastExpiry = issuedUntilMs + lifeMs;
  if (Number.isNaN(notAfterMs)) return Math.max(endOfBan, lastExpiry);
  const endOfMark = namesOneToken(kind) ? notAfterMs + ONE_TOKEN_MARGIN_MS : Math.max(lastExpiry, notAfterMs);
  return Math.max(endOfBan, endOfMark);
}

/** Whether a watermark can refuse nothing any more. */
export function isSpent(watermark: Watermark, nowMs: number, lifeMs = WATERMARK_RETENTION_MS): boolean {
  return endOf(watermark.kind, timesOf(watermark), lifeMs) <= nowMs;
}

function later(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.max(a, b);
}
