import { SystemClock, type NowggClock } from '../../../libs/nowgg-auth/src/clock.js';
import { DEFAULTS } from '../../../libs/nowgg-auth/src/options/defaults.js';
import { IdentityProviders } from '../../../libs/nowgg-auth/src/identity/identity-providers.js';
import type { TokensOptions } from '../../../libs/nowgg-auth/src/options/options.js';
import { strongKey } from '../../../libs/nowgg-auth/src/testing-support/strong-key.js';
import { NowggTokenService } from '../../../libs/nowgg-auth/src/tokens/nowgg-token-service.js';
import type { RefreshTiming } from '../../../libs/nowgg-auth/src/tokens/calls/refresh-timing.js';
import type { TokenStore } from '../../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { AskingAuthenticator, nowggProvider, type NowggProviderSettings } from './nowgg-provider.js';

/** Two keys of a ring, for tests. */
export const RING = [
  { id: 'k1', key: strongKey(1) },
  { id: 'k2', key: strongKey(2) },
] as const;

/** Durations that let a test see leases lapse and replies come late within a second or two. */
export const SHORT_DURATIONS = {
  refreshMarginMs: 60_000,
  softDeadlineMs: 2_000,
  leaseMs: 600,
  lateReplyMs: 5_000,
  exchangeReplayMs: 30_000,
  forcedRefreshMs: 10_000,
  maxExchangesInFlight: 64,
  maxRefreshesInFlight: 256,
  refusedCodesPerMinute: 30,
};

/** The pauses of the protocol, shortened in the same way. */
export const SHORT_TIMING: Partial<RefreshTiming> = { failedRetryMs: 20, resendMs: 10, saveRetryMs: 50, pollMs: 50 };

export interface TokenServiceOptions extends Omit<NowggProviderSettings, 'clock'> {
  readonly store: TokenStore;
  readonly clock?: NowggClock;
  readonly durations?: Partial<Omit<TokensOptions, 'keepAlive'>>;
  readonly timing?: Partial<RefreshTiming>;
}

/** A token service between a store and the emulator of now.gg. */
export function tokenService(options: TokenServiceOptions): NowggTokenService {
  const { store, durations: { sessions, ...durations } = {}, timing, clock = new SystemClock(), ...settings } = options;
  const identityProviders = new IdentityProviders([nowggProvider({ ...settings, clock })]);
  return new NowggTokenService({
    store,
    identityProviders,
    authenticator: new AskingAuthenticator(identityProviders),
    clock,
    options: {
      ...SHORT_DURATIONS,
      encryptionKeys: [RING[0]],
      openFirstVersion: true,
      keepAlive: DEFAULTS.tokens.keepAlive,
      ...durations,
      sessions: { ...DEFAULTS.tokens.sessions, ...sessions, publicUrls: [sessions?.publicUrl ?? []].flat() },
    },
    timing: { ...SHORT_TIMING, ...timing },
  });
}
