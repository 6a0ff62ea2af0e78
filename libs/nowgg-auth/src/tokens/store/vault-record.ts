import type { GrantState } from './grant.js';

/** A grant's ciphertexts, sealed again under another key for the same generation. */
export interface ResealedGrant {
  readonly id: string;
  /** Written only while this is still the stored generation. */
  readonly generation: number;
  /** Written only while this is still the stored session version, so that nothing comes back into an ended grant. */
  readonly sessionVersion: number;
  readonly refreshCiphertext: Uint8Array;
  readonly accessCiphertext: Uint8Array;
}

/** One known text sealed under each key that was ever first: tells a wrong or missing key before it does harm. */
export interface KeyCheck {
  readonly keyId: string;
  readonly checkCiphertext: Uint8Array;
}

/** How many grants there are. */
export interface VaultCounts {
  readonly byState: Readonly<Record<GrantState, number>>;
  /** By the id of the key that sealed them. Grants whose tokens were wiped are in none. */
  readonly byKeyId: Readonly<Record<string, number>>;
  /**
   * Those whose tokens are still sealed in the first version, by the id of the key: bound to neither provider, user nor
   * session version. A refresh or a rotation seals them anew; none are left when this is empty.
   */
  readonly firstVersionByKeyId: Readonly<Record<string, number>>;
  /**
   * Live grants by the id of the key under which the session handle was made that their player presented last. Without
   * that key in the ring, the player has to sign in again.
   */
  readonly sessionsByKeyId: Readonly<Record<string, number>>;
  /** Live grants of an earlier build whose player has not come back since: their handle may be under any key. */
  readonly sessionsOfUnknownKey: number;
  /** Claimed codes that are still kept. */
  readonly exchanges: number;
}

/** What may be swept, as ages in milliseconds. */
export interface SweepLimits {
  /** Revoked grants and those that need a new sign-in, since then. */
  readonly endedForMs: number;
  /** Grants whose refresh token has expired, since then. */
  readonly expiredForMs: number;
  /** Claimed codes, since the claim. */
  readonly exchangeOlderThanMs: number;
}

export interface SweepCounts {
  readonly grants: number;
  readonly exchanges: number;
}
