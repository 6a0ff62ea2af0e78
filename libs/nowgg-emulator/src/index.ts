export type {
  IssueCodeRequest,
  IssuedTokens,
  IssueIdTokenRequest,
  IssueRequest,
  IssueTokensRequest,
} from './accounts/issuing.js';
export type { IssuedKind, IssuedSecret } from './accounts/issue-ledger.js';
export type { EmulatedDevice, EmulatedPlayer } from './accounts/players.js';
export type { IdTokenClaims, TokenClaims } from './accounts/token-mint.js';
export { issuedIdOf } from './accounts/token-mint.js';
export type {
  BodyFault,
  CutFault,
  DripFault,
  EndpointName,
  Fault,
  HangFault,
  HoldFault,
  LatencyFault,
  RateLimitFault,
  ResetFault,
  StatusFault,
} from './faults/fault.js';
export type { EmulatorControls, NowggEmulator } from './nowgg-emulator.js';
export type { EmulatedClient, ExpiryFormat, NowggEmulatorOptions, RefreshTokenRotation } from './options.js';
export type { RecordedRequest, RequestFilter } from './request-log.js';
export { startNowggEmulator } from './start-nowgg-emulator.js';
