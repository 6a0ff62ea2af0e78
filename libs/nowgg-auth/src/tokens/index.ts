export type { CodeExchangeOptions } from './code-exchange.js';
export type { AccessToken, CodeExchange, GrantState, NowggGrant } from './grant.js';
export { memoryTokenStore } from './memory-token-store.js';
export { type AccessTokenOptions, NowggTokenService } from './nowgg-token-service.js';
export type { NowggTokenServiceParts } from './token-parts.js';
export type { RefreshTiming } from './refresh-timing.js';
export { DURATION_BOUNDS_MS, type DurationCounts, type NowggTokenCounters } from './token-counters.js';
export {
  NOWGG_TOKEN_CHANNEL,
  NOWGG_TOKEN_READ_CHANNEL,
  type NowggTokenEvent,
  type NowggTokenReadEvent,
  type RefreshOutcome,
} from './token-events.js';
export { TokenStore } from './token-store.js';
export type { TokenStoreContext, TokenStoreWiring } from './token-store-wiring.js';
export {
  NowggVaultService,
  type ForgetOptions,
  type SweepOptions,
  type VaultServiceParts,
  type VaultStatus,
  type VaultWorkOptions,
} from './nowgg-vault-service.js';
export type { SweepCounts, VaultCounts } from './vault-record.js';
export type { RotationReport } from './vault-rotation.js';
export type { SweepReport } from './vault-sweep.js';
