import { SystemClock, type NowggClock } from '../../../libs/nowgg-auth/src/clock.js';
import { IdentityProviders } from '../../../libs/nowgg-auth/src/identity/identity-providers.js';
import type { TokensOptions } from '../../../libs/nowgg-auth/src/options/options.js';
import { strongKey } from '../../../libs/nowgg-auth/src/testing-support/strong-key.js';
import { NowggTokenService } from '../../../libs/nowgg-auth/src/tokens/nowgg-token-service.js';
import type { RefreshTiming } from '../../../libs/nowgg-auth/src/tokens/calls/refresh-timing.js';
import type { TokenStore } from '../../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { EndpointAuthenticator, EndpointProvider } from './token-endpoint-client.js';

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

export interface EndpointServiceOptions {
  readonly endpointUrl: string;
  readonly store: TokenStore;
  readonly clock?: NowggClock;
  readonly durations?: Partial<TokensOptions>;
  readonly timing?: Partial<RefreshTiming>;
  /** Of the client, instead of `client-key`: another title of the studio. */
  readonly clientKey?: string;
  /** Name of the identity provider, instead of `nowgg`. */
  readonly provider?: string;
}

/** A token service between a store and a scripted token endpoint. */
export function endpointService(options: EndpointServiceOptions): NowggTokenService {
  return new NowggTokenService({
    store: options.store,
    identityProviders: new IdentityProviders([
      new EndpointProvider(options.endpointUrl, options.clientKey, options.provider),
    ]),
    authenticator: new EndpointAuthenticator(options.endpointUrl),
    clock: options.clock ?? new SystemClock(),
    options: { ...SHORT_DURATIONS, encryptionKeys: [RING[0]], openFirstVersion: true, ...options.durations },
    timing: { ...SHORT_TIMING, ...options.timing },
  });
}
