import type { GrantRecord } from './grant-record.js';
import type { GrantState } from './grant.js';

/** A grant's ciphertexts, re-encrypted under another key for the same generation. */
export interface ResealedGrant {
  readonly id: string;
  /** Written only while this is still the stored generation. */
  readonly generation: number;
  /** Written only while this is still the stored session version, so that an ended grant gets no ciphertexts back. */
  readonly sessionVersion: number;
  readonly refreshCiphertext: Uint8Array;
  readonly accessCiphertext: Uint8Array;
}

/** A known text encrypted under each key that was ever first: detects a wrong or missing key before it does harm. */
export interface KeyCheck {
  readonly keyId: string;
  readonly checkCiphertext: Uint8Array;
}

/** A client at an identity provider. Grants belong to it and to no other. */
export interface StoredClient {
  /** Name of the identity provider. */
  readonly provider: string;
  /** Hash of the identity system's address and the client id. */
  readonly clientKey: string;
}

/** The grants of one client. */
export interface ClientGrants extends StoredClient {
  /** Number of live grants. */
  readonly grants: number;
  /** Key of the client that has adopted its grants: session handles of this client are good for those. */
  readonly adoptedBy?: string | undefined;
}

/** Grants that another client takes over, encrypted for that client and for the next generation. */
export interface GrantAdoption {
  readonly from: StoredClient;
  /** Key of the client that takes them over. */
  readonly to: string;
  readonly grants: readonly ResealedGrant[];
}

/** Counts of the stored grants and claimed codes. */
export interface VaultCounts {
  /** Clients with live grants, and those whose grants were adopted. At most 100, those with the most grants first. */
  readonly clients: readonly ClientGrants[];
  readonly byState: Readonly<Record<GrantState, number>>;
  /** Grants by the id of the key that encrypted them. Grants whose tokens were wiped are not included. */
  readonly byKeyId: Readonly<Record<string, number>>;
  /**
   * Grants whose tokens are still encrypted in the first version, by the id of the key. That version is not bound to
   * the provider, user or session version. A refresh or a rotation encrypts them anew; none are left when this is
   * empty.
   */
  readonly firstVersionByKeyId: Readonly<Record<string, number>>;
  /**
   * Live grants by the id of the key that made the session handle their player presented last. Without that key in the
   * ring, the player has to sign in again.
   */
  readonly sessionsByKeyId: Readonly<Record<string, number>>;
  /** Live grants of an earlier build whose player has not come back since: any key may have made their handle. */
  readonly sessionsOfUnknownKey: number;
  /** Claimed codes that are still stored. They are counted up to 100,000, which stands for as many or more. */
  readonly exchanges: number;
}

/** The number up to which claimed codes are counted: a sweep keeps them far below it. */
export const MOST_EXCHANGES = 100_000;

/** Minimum ages of the rows that a sweep may delete, in milliseconds. */
export interface SweepLimits {
  /** Time since the end of a grant that is revoked or needs a new sign-in. */
  readonly endedForMs: number;
  /** Time since a grant's refresh token expired. */
  readonly expiredForMs: number;
  /** Time since a code was claimed. */
  readonly exchangeOlderThanMs: number;
}

export interface SweepCounts {
  readonly grants: number;
  readonly exchanges: number;
}

/** The result of one batch of a sweep. */
export interface SweptGrants extends SweepCounts {
  /** Where the next batch begins, for the same method; undefined when there is none. */
  readonly next?: string | undefined;
}

/** The result of one batch of a sweep of one kind of rows. */
export interface SweptRows {
  readonly rows: number;
  /** Where the next batch begins, for the same method; undefined when there is none. */
  readonly next?: string | undefined;
}

/** Some grants of a list, perhaps none, and where it continues. */
export interface ListedGrants {
  readonly grants: readonly GrantRecord[];
  /** The id after which the list continues; undefined at its end. */
  readonly next?: string | undefined;
}
