import type { ResolvedTokensOptions } from '../../options/options.js';

/** Durations of the refresh protocol that are not options, in milliseconds. Tests shorten them. */
export interface RefreshTiming {
  /** Maximum length of the mandatory zone; a quarter of a token's life if that is less. */
  readonly mandatoryMs: number;
  /** Minimum time between two background refreshes of a grant. */
  readonly backgroundQuietMs: number;
  /** Minimum time between two attempts after a refusal. */
  readonly refusedRetryMs: number;
  /** Minimum time between two refusals that both count. */
  readonly countedApartMs: number;
  /** Number of counted refusals that together make a definite refusal. */
  readonly countedRefusals: number;
  /** Pause after an attempt that failed and said nothing about the grant. */
  readonly failedRetryMs: number;
  /** Longest pause between two reads of a grant that another process refreshes. */
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
