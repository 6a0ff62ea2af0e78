export interface ExchangeClaimRequest {
  /** Hash of the client, the code and the values sent with it; the code itself is never stored. */
  readonly codeHash: string;
  /** Unique for each attempt. */
  readonly owner: string;
  readonly leaseMs: number;
  /** Hash of what the caller can show again; undefined when it has nothing. That of the last claim is stored. */
  readonly attemptKey?: string | undefined;
}

/** A claimed code as it is stored. Times are in epoch milliseconds of the store's clock. */
export interface ExchangeRecord {
  readonly codeHash: string;
  readonly leaseOwner: string | undefined;
  readonly leaseUntilMs: number | undefined;
  /** Of the last claim, which is the one that completed it. */
  readonly attemptKey: string | undefined;
  /** The token endpoint's reply, encrypted; only until the grant exists. */
  readonly replyCiphertext: Uint8Array | undefined;
  /** Set once the exchange is complete. */
  readonly grantId: string | undefined;
  readonly completedAtMs: number | undefined;
  readonly createdAtMs: number;
  readonly readAtMs: number;
}

export type ExchangeClaim =
  /**
   * The caller continues from the state of the record. `predecessorInDoubt`: an earlier attempt may still store a
   * reply.
   */
  | { readonly outcome: 'acquired'; readonly exchange: ExchangeRecord; readonly predecessorInDoubt: boolean }
  /** Another attempt holds the claim. */
  | { readonly outcome: 'held' }
  | { readonly outcome: 'completed'; readonly exchange: ExchangeRecord };

export interface ExchangeKey {
  readonly codeHash: string;
  readonly owner: string;
}

export interface ExchangeRelease extends ExchangeKey {
  /**
   * Whether the next attempt must wait until the lease is over, because the identity system may still be busy with the
   * code. Otherwise it may start at once.
   */
  readonly keepsLease: boolean;
}

export interface ExchangeRemoval extends ExchangeKey {
  /** Keeps the row when a reply has been stored meanwhile: another attempt succeeded. */
  readonly unlessSealed: boolean;
}
