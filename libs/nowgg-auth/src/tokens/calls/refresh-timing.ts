import type { ResolvedTokensOptions } from '../../options/options.js';

/** Durations of the refresh protocol that are not options, in milliseconds. Tests shorten them. */
export interface RefreshTiming {
  /** Maximum length of the mandatory zone; a quarter of a token's life if that is less. */
  readonly mandatoryMs: number;
  /** Minimum time between two background refreshes of a grant. */
  readonly backgroundQuietMs: number;
  /** Pauses after the first refusals of a grant, in order. */
  readonly refusalPausesMs: readonly number[];
  /** Pause after each later refusal, and after tokens of another user. */
  readonly refusedRetryMs: number;
  /** Time by which an attempt may follow its schedule late and still belong to the same run of refusals. */
  readonly refusalSlackMs: number;
  /** Minimum time between two refusals that together are evidence. */
  readonly refusalsApartMs: number;
  /** Minimum time between two attempts of all processes while a client secret is in doubt. */
  readonly designatedEveryMs: number;
  /** Minimum time between two of them for the same grant. */
  readonly designatedApartMs: number;
  /** Time for which a success shows that a client secret works. */
  readonly workingMs: number;
  /** Time for which a process stores and reads results of a client secret at most once. */
  readonly clientNewsMs: number;
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
  refusalPausesMs: Object.freeze([2_000, 4_000, 8_000, 11_000]),
  refusedRetryMs: 60_000,
  refusalSlackMs: 15_000,
  refusalsApartMs: 25_000,
  designatedEveryMs: 1_000,
  designatedApartMs: 10_000,
  workingMs: 60_000,
  clientNewsMs: 1_000,
  failedRetryMs: 1_000,
  pollMs: 200,
  resendMs: 250,
  saveRetryMs: 1_000,
});

/** All durations together. */
export type TokensTiming = RefreshTiming &
  Omit<ResolvedTokensOptions, 'encryptionKeys' | 'openFirstVersion' | 'codeBudget' | 'sessions'>;
