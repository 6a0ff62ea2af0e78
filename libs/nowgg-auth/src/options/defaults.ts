import type { NowggLogLevel } from '../events/log-notes.js';
import type {
  ResolvedKeepAliveOptions,
  ResolvedRevocationOptions,
  ResolvedSessionsOptions,
  ResolvedShutdownOptions,
  ResolvedTokensOptions,
  ResolvedVerificationOptions,
} from './options.js';
import type { TokenType } from '../principal.js';

const DAY_MS = 24 * 3_600_000;

/** Default values of all options. They are defined only here. */
export const DEFAULTS = {
  realm: 'nowgg',
  verification: {
    maxAgeMs: 30_000,
    staleIfErrorMs: 300_000,
    maxEntries: 100_000,
    negativeMaxEntries: 20_000,
    timeoutMs: 3_000,
    clockSkewMs: 5_000,
    maxInFlight: 256,
    circuit: { openAfter: 20, maxPauseMs: 1_000 },
    refusalsAreDefinite: false,
    budget: undefined,
    acceptTokenTypes: ['token', 'id_token'] as readonly TokenType[],
  } satisfies ResolvedVerificationOptions,
  revocation: {
    beforeFirstLoad: 'refuse',
    onUnknown: 'serve',
    longestTokenLifeMs: undefined,
    explainBans: 'everywhere',
  } as ResolvedRevocationOptions,
  tokens: {
    refreshMarginMs: 60_000,
    softDeadlineMs: 4_000,
    leaseMs: 8_000,
    lateReplyMs: 60_000,
    exchangeReplayMs: 30_000,
    openFirstVersion: true,
    forcedRefreshMs: 10_000,
    maxExchangesInFlight: 64,
    maxRefreshesInFlight: 256,
    refusedCodesPerMinute: 30,
    keepAlive: { isScheduled: false, idleMs: {}, perSecond: 2, everyMs: 3_600_000 } as ResolvedKeepAliveOptions,
    sessions: {
      idleMs: 30 * DAY_MS,
      absoluteMs: 180 * DAY_MS,
      endGrant: false,
      rotation: true,
      whenFull: 'end_oldest',
      per: 'client',
      devices: true,
      binding: 'off',
      publicUrls: [],
    } as ResolvedSessionsOptions,
  } satisfies Omit<ResolvedTokensOptions, 'encryptionKeys'>,
  logging: { level: 'log' } as { readonly level: NowggLogLevel },
  shutdown: { graceMs: 25_000, awaitReplies: false } as ResolvedShutdownOptions,
};

/** Default of the wiring key `strategyName`. */
export const DEFAULT_STRATEGY_NAME = 'nowgg';
