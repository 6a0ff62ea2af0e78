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

/** The state of one subject. Times are epoch milliseconds; with neither time, nothing of it is refused. */
export interface Watermark extends RevocationSubject {
  /** Tokens issued up to then are refused; a token that does not tell counts as issued before. */
  readonly issuedUntilMs: number | undefined;
  /** Until then everything is refused, also what is issued later. */
  readonly refusedUntilMs: number | undefined;
}

/** How long a watermark is kept after the last moment that it speaks of: longer than any token lives. */
export const WATERMARK_RETENTION_MS = 30 * 24 * 3_600_000;

/** The later state of a subject of which two revocations are known; a new end of a ban replaces the old one. */
export function mergeWatermarks(older: Watermark | undefined, newer: Watermark): Watermark {
  if (!older) return newer;
  return {
    ...newer,
    issuedUntilMs: later(older.issuedUntilMs, newer.issuedUntilMs),
    refusedUntilMs: newer.refusedUntilMs ?? older.refusedUntilMs,
  };
}

/** Whether nothing can be refused by it any more. */
export function isSpent({ issuedUntilMs, refusedUntilMs }: Watermark, nowMs: number): boolean {
  const banIsOver = refusedUntilMs === undefined || refusedUntilMs <= nowMs;
  const isForgotten = issuedUntilMs === undefined || issuedUntilMs + WATERMARK_RETENTION_MS <= nowMs;
  return banIsOver && isForgotten;
}

function later(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.max(a, b);
}
