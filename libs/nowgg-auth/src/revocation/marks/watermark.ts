/**
 * What a revocation speaks of: a user, a session or a token by the identity system's ids, or one credential by its
 * fingerprint.
 */
export type RevocationKind = 'user' | 'session' | 'token' | 'credential';

/** Who or what is revoked, or restored. */
export interface RevocationSubject {
  readonly provider: string;
  readonly kind: RevocationKind;
  /** For a credential: SHA-256 as 43 base64url characters. Else the identity system's id. */
  readonly id: string;
}

/** The state of one subject. Times are epoch milliseconds; with neither of the first two, nothing of it is refused. */
export interface Watermark extends RevocationSubject {
  /**
   * Tokens issued up to then are refused; a token that does not tell counts as issued before. A mark of one token or
   * credential refuses it whatever its time of issue.
   */
  readonly issuedUntilMs: number | undefined;
  /** Until then everything is refused, also what is issued later. */
  readonly refusedUntilMs: number | undefined;
  /**
   * When {@link issuedUntilMs} was written, by the clock of the store. A store with a clock of its own sets it; others
   * keep what is given.
   */
  readonly markedAtMs?: number | undefined;
  /** Of one token: when it expires. Of a user or session: until when the mark is kept at least. */
  readonly notAfterMs?: number | undefined;
}

const DAY_MS = 24 * 3_600_000;

/** The longest life of a token that does not state its end, unless it is configured. */
export const WATERMARK_RETENTION_MS = 30 * DAY_MS;
/** How much longer than its token a mark is kept: an expiry that was worked out from `expires_in` is not exact. */
const ONE_TOKEN_MARGIN_MS = 60_000;

/** Whether a mark names one token rather than everything that a user or session was issued. */
export function namesOneToken(kind: RevocationKind): boolean {
  return kind === 'token' || kind === 'credential';
}

/** The later state of a subject of which two revocations are known; a new end of a ban replaces the old one. */
export function mergeWatermarks(older: Watermark | undefined, newer: Watermark): Watermark {
  if (!older) return newer;
  return {
    ...newer,
    issuedUntilMs: later(older.issuedUntilMs, newer.issuedUntilMs),
    refusedUntilMs: newer.refusedUntilMs ?? older.refusedUntilMs,
    markedAtMs: later(older.markedAtMs, newer.markedAtMs),
    notAfterMs: later(older.notAfterMs, newer.notAfterMs),
  };
}

/** The times of a mark; NaN for one that is absent. */
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
 * When a mark can refuse nothing any more, epoch milliseconds; minus infinity for one that never could.
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

/** Whether nothing can be refused by it any more. */
export function isSpent(watermark: Watermark, nowMs: number, lifeMs = WATERMARK_RETENTION_MS): boolean {
  return endOf(watermark.kind, timesOf(watermark), lifeMs) <= nowMs;
}

function later(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.max(a, b);
}
