export interface ExchangeClaimRequest {
  /** Hash over client, code and what was sent with it; the code itself is never stored. */
  readonly codeHash: string;
  /** Unique for each attempt. */
  readonly owner: string;
  readonly leaseMs: number;
}

/** A claimed code as it is stored. Times are epoch milliseconds of the store's clock. */
export interface ExchangeRecord {
  readonly codeHash: string;
  readonly leaseOwner: string | undefined;
  readonly leaseUntilMs: number | undefined;
  /** The token endpoint's reply, sealed; only until the grant exists. */
  readonly replyCiphertext: Uint8Array | undefined;
  /** Set once the exchange is complete. */
  readonly grantId: string | undefined;
  readonly completedAtMs: number | undefined;
  readonly createdAtMs: number;
  readonly readAtMs: number;
}

export type ExchangeClaim =
  /** The caller goes on from where the record stands. `predecessorInDoubt`: somebody may still bring a reply. */
  | { readonly outcome: 'acquired'; readonly exchange: ExchangeRecord; readonly predecessorInDoubt: boolean }
  /** Somebody else is at it. */
  | { readonly outcome: 'held' }
  | { readonly outcome: 'completed'; readonly exchange: ExchangeRecord };

export interface ExchangeKey {
  readonly codeHash: string;
  readonly owner: string;
}

export interface ExchangeRelease extends ExchangeKey {
  /**
   * `now`: the next attempt may start. `when_lapsed`: not before the lease is over, because the identity system may
   * still be busy with the code.
   */
  readonly next: 'now' | 'when_lapsed';
}

export interface ExchangeRemoval extends ExchangeKey {
  /** Not when a reply is kept meanwhile: somebody else was luckier. */
  readonly unlessSealed: boolean;
}
