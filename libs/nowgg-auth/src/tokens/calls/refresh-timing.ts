import type { ResolvedTokensOptions } from '../../options/options.js';

/** The durations of the refresh protocol that are no options, in milliseconds. Tests shorten them. */
export interface RefreshTiming {
  /** The mandatory zone at most; a quarter of a token's life if that is less. */
  readonly mandatoryMs: number;
  /** Between two background refreshes of a grant. */
  readonly backgroundQuietMs: number;
  /** Between two attempts after a refusal. */
  readonly refusedRetryMs: number;
  /** Two refusals that both count are at least this far apart. */
  readonly countedApartMs: number;
  /** Counted refusals that make a definite no out of indefinite ones. */
  readonly countedRefusals: number;
  /** After an attempt that failed without a word about the grant. */
  readonly failedRetryMs: number;
  /** Longest pause between two looks at a grant that another process refreshes. */
  readonly pollMs: number;
  /** Longest pause before a call that was not sent is tried again. */
  readonly resendMs: number;
  /** Longest pause between two attempts to store a received token set. */
  readonly saveRetryMs: number;
}

export const DEFAULT_TIMING: RefreshTiming = Object.freeze({
  mandatoryMs: 30_000,
  backgroundQuietMs: 30_000,
  refusedRetryMs: 60_000,
  countedApartMs: 600_000,
  countedRefusals: 3,
  failedRetryMs: 1_000,
  pollMs: 200,
  resendMs: 250,
  saveRetryMs: 1_000,
});

/** All durations together. */
export type TokensTiming = RefreshTiming &
  Omit<ResolvedTokensOptions, 'encryptionKeys' | 'openFirstVersion' | 'codeBudget'>;
