import type { ResolvedVerificationOptions } from '../options/options.js';

/** Verification options for tests of the authenticator: the defaults with small caches and a short timeout. */
export const VERIFICATION_OPTIONS: ResolvedVerificationOptions = {
  maxAgeMs: 30_000,
  staleIfErrorMs: 300_000,
  maxEntries: 1_000,
  negativeMaxEntries: 100,
  timeoutMs: 1_000,
  clockSkewMs: 5_000,
  acceptTokenTypes: ['token', 'id_token'],
  maxInFlight: 2_000,
  circuit: { openAfter: 5, maxPauseMs: 1_000 },
  refusalsAreDefinite: false,
  budget: undefined,
};
