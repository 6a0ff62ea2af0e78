export { NowggAccountService, type AccountInfoOptions } from './account/nowgg-account.service.js';
export type { RouteKind } from './audit/entry-points.js';
export type { RouteFinding } from './audit/findings.js';
export type { OnUnprotected } from './audit/policy-check.js';
export type { RoutePosture } from './audit/posture.js';
export { auditRoutes, type RouteAudit, routesMarkdown } from './audit/route-audit.js';
export { NowggClock, SystemClock } from './clock.js';
export type { NowggAuditAction, NowggAuditKind, NowggAuthor } from './trail/audit-act.js';
export type { NowggAuditRow } from './trail/audit-trail.js';
export { NowggAuditService, type NowggAuditQuery } from './trail/nowgg-audit.service.js';
export {
  ForbiddenCallerError,
  GrantInDoubtError,
  IdentityUnavailableError,
  InsufficientScopeError,
  InsufficientUserAuthenticationError,
  InvalidGrantError,
  InvalidProofError,
  InformationUnavailableError,
  InvalidRequestError,
  InvalidTokenError,
  FeatureBannedError,
  TooManySessionsError,
  UserBannedError,
  WrongProviderError,
  NowggAuthError,
  NowggConfigurationError,
  PlayerUnavailableError,
  ReauthenticationRequiredError,
  SessionNotFoundError,
  SessionProofError,
  SessionSupersededError,
  SignedInElsewhereError,
  StoreUnavailableError,
  type InvalidTokenReason,
  type NowggErrorBody,
  type NowggBan,
  type NowggErrorCode,
} from './errors.js';
export type {
  ExplainedMark,
  ExplainedSession,
  ExplainedToken,
  ExplainedVerdict,
  NowggExplanation,
  RefreshTrouble,
  SessionStanding,
} from './explain/explanation.js';
export {
  NowggExplainService,
  type NowggExplainOptions,
  type NowggExplainTarget,
} from './explain/nowgg-explain.service.js';
export type { AuthenticatedRequest, NowggRequestCaller } from './http/authentication.js';
export type { Credential, CredentialSource } from './http/credential.js';
export { NowggPlayer, type DeclaredPlayer, type NowggPlayerTypes } from './http/players/nowgg-player.decorator.js';
export { createCallerDecorator } from './http/policy/requirement.decorators.js';
export { NowggAuthExceptionFilter } from './http/nowgg-auth.filter.js';
export { EnforcesNowggPolicy } from './http/policy/enforcing-guards.js';
export { NowggAuthGuard } from './http/nowgg-auth.guard.js';
export {
  Transports,
  type CallCredential,
  type GuardedRequest,
  type NowggCall,
  type NowggTransport,
} from './http/transport.js';
export {
  NowggUser,
  type ParameterDecoratorFor,
  type ParameterPipe,
  type PipedValue,
  type TakesValue,
} from './http/nowgg-user.decorator.js';
export { NowggStrategy } from './http/nowgg.strategy.js';
export {
  NowggAuth,
  OptionalAuth,
  Public,
  RequireFeature,
  RequireScopes,
  type OptionalAuthOptions,
  type PolicyDecorator,
} from './http/policy/policy.decorators.js';
export type { RoutePolicy } from './http/policy/policy.js';
export type {
  NowggDevice,
  NowggDeviceClient,
  NowggDeviceOs,
  NowggGeoData,
  NowggSessionInfo,
  NowggUserInfo,
} from './identity/account-info.js';
export {
  IdentityHttp,
  type IdentityHttpAgents,
  type IdentityHttpOutcome,
  type IdentityHttpPurpose,
  type IdentityHttpRequest,
} from './identity/identity-http.js';
export {
  IdentityProvider,
  type AuthorizationCallback,
  type CodeExchangeRequest,
  type IdentityProviderContext,
  type RefreshTokenIdle,
  type IdentityProviderDefinition,
  type IdentityVerdict,
  type InfoOutcome,
  type Inspection,
  type TokenOutcome,
  type TokenSet,
} from './identity/identity-provider.js';
export type {
  ForwardedIdentities,
  ForwardedReading,
  ForwardedRequest,
} from './identity/forwarding/forwarded-identity.js';
export type { TrustedProxyOptions } from './identity/forwarding/trusted-proxy.js';
export type { IdTokenClaims } from './identity/id-token-claims.js';
export { nowgg } from './identity/nowgg/nowgg.js';
export type { NowggProviderOptions } from './identity/nowgg/nowgg-options.js';
export type { InvalidReason, RefusalReason, UnknownReason } from './identity/reasons.js';
export type { UnverifiedJws } from './identity/unverified-jws.js';
export type {
  NowggAuthFactoryOptions,
  NowggAuthModuleAsyncOptions,
  NowggAuthModuleOptions,
  NowggAuthOptionsFactory,
  NowggAuthWiring,
} from './module/module-options.js';
export type { KeepAliveReport } from './keep-alive/keep-alive-pass.js';
export { NowggKeepAliveService, type KeepAliveRunOptions } from './keep-alive/nowgg-keep-alive.service.js';
export { NowggAuthModule } from './module/nowgg-auth.module.js';
export {
  RESOLVED_OPTIONS,
  type CircuitSettings,
  type CredentialRequest,
  type CredentialsOptions,
  type EncryptionKey,
  type LoggingOptions,
  type NowggAuthOptions,
  type NowggSignIn,
  type OnSignIn,
  type ResolvedNowggAuthOptions,
  type KeepAliveOptions,
  type ResolvedKeepAliveOptions,
  type ResolvedRevocationOptions,
  type ResolvedSessionsOptions,
  type ResolvedShutdownOptions,
  type ResolvedVerificationOptions,
  type RevocationOptions,
  type SessionsOptions,
  type ShutdownOptions,
  type CodeBudget,
  type TokensOptions,
  type VerificationBudget,
  type VerificationOptions,
} from './options/options.js';
export type { AuthorizeWiring, CallerCheck, NowggCaller, ResolveUserWiring, UserResolver } from './players/caller.js';
export { NowggPlayers } from './players/nowgg-players.js';
export { parseEncryptionKeys } from './options/encryption-keys.js';
export { NowggPrincipal, type TokenFacts, type TokenType } from './principal.js';
export type { NowggBanReason, RevokeOptions } from './revocation/ban-notice.js';
export { memoryRevocationStore } from './revocation/memory-revocation-store.js';
export {
  type NowggRevocationFeed,
  NowggRevocationService,
  type RevocationTarget,
  type UserRevokedListener,
} from './revocation/nowgg-revocation.service.js';
export type { NowggBanRecord } from './revocation/ban-record.js';
export {
  RevocationStore,
  type LongestTokenLives,
  type RevocationChanges,
  type RevocationStoreContext,
  type RevocationStoreWiring,
} from './revocation/revocation-store.js';
export type { RevocationKind, RevocationSubject, Watermark } from './revocation/marks/watermark.js';
export { NowggLoginBody, NowggLogoutBody, NowggRefreshBody } from './routes/routes.dto.js';
export type { NowggRoutesOptions } from './routes/routes-options.js';
export type { NowggLoginView, NowggRefreshView, NowggTokenView, NowggUserView } from './routes/routes-views.js';
export { NOWGG_CALL_CHANNEL, type NowggCallEvent } from './events/call-events.js';
export type { NowggLogLevel } from './events/log-notes.js';
export { NOWGG_MISS_CHANNEL, type NowggMissEvent } from './events/verification-counts.js';
export {
  NowggHealthService,
  type NowggHealth,
  type NowggHealthState,
  type NowggReadiness,
  type NowggUnreadyReason,
} from './health/nowgg-health.service.js';
export type { UpstreamStatistics } from './identity/transport/upstream-watch.js';
export {
  NOWGG_SECURITY_CHANNEL,
  type NowggSecurityEvent,
  type NowggSecurityEventType,
} from './events/security-events.js';
export {
  NOWGG_STATE_CHANNEL,
  type NowggActiveState,
  type NowggStateEvent,
  type NowggStateType,
} from './events/state-events.js';
export type { CodeExchangeOptions } from './tokens/exchange/code-exchange.js';
export type { NowggSessionProof, ProvingRequest } from './tokens/session/presented-proof.js';
export type { DeviceRequest, SessionDeviceOptions } from './tokens/exchange/session-device.js';
export type { NowggSession } from './tokens/session/player-sessions.js';
export type { ProviderSignOutNotice } from './tokens/nowgg-token-service.js';
export type { AccessToken, CodeExchange, GrantState, NowggGrant } from './tokens/store/grant.js';
export type {
  ExchangeClaim,
  ExchangeClaimRequest,
  ExchangeKey,
  ExchangeRecord,
  ExchangeRelease,
} from './tokens/store/exchange-record.js';
export type {
  AttemptFailure,
  AttemptKey,
  AttemptRefusal,
  GrantRecord,
  HandleUse,
  KeySettlement,
  LeaseRequest,
  LeaseResult,
  NewGrant,
  TokenCommit,
  WithheldGeneration,
} from './tokens/store/grant-record.js';
export type { LapsingGrants } from './tokens/store/lapsing.js';
export type { IssuedToken, NewIssuedToken, RefreshedToken, TokensOfEndedGrant } from './tokens/store/issued-token.js';
export { memoryTokenStore } from './tokens/store/memory/memory-token-store.js';
export {
  NowggTokenService,
  type AccessTokenOptions,
  type RefreshOptions,
  type SessionOpenOptions,
} from './tokens/nowgg-token-service.js';
export {
  NowggVaultService,
  type ForgetOptions,
  type AdoptOptions,
  type EndOptions,
  type RotateOptions,
  type SweepOptions,
  type VaultServiceParts,
  type VaultStatus,
  type VaultWorkOptions,
} from './tokens/upkeep/nowgg-vault-service.js';
export {
  DURATION_BOUNDS_MS,
  type DurationCounts,
  NOWGG_TOKEN_CHANNEL,
  NOWGG_TOKEN_READ_CHANNEL,
  type NowggTokenCounters,
  type NowggTokenEvent,
  type NowggTokenReadEvent,
  type ExchangeOutcome,
  type RefreshOutcome,
} from './tokens/events/token-events.js';
export { TokenStore, type TokenStoreContext, type TokenStoreWiring } from './tokens/store/token-store.js';
export type {
  ClientGrants,
  GrantAdoption,
  KeyCheck,
  ResealedGrant,
  StoredClient,
  SweepCounts,
  SweepLimits,
  VaultCounts,
} from './tokens/store/vault-record.js';
export type { AdoptionReport } from './tokens/upkeep/client-settlement.js';
export type { RotationReport } from './tokens/upkeep/vault-rotation.js';
export type { SweepReport } from './tokens/upkeep/vault-sweep.js';
export type { RememberedVerdict, VerdictExplanation } from './verification/explanation.js';
export { HeldToken } from './verification/held-token.js';
export { NowggAuthenticator } from './verification/nowgg-authenticator.js';
export {
  SharedCache,
  type SharedCacheContext,
  type SharedCacheWiring,
  type SharedVerdict,
} from './verification/cache/shared-cache.js';
export type { AuthenticationContext, AuthenticationPolicy, Verdict } from './verification/decision/verdict.js';
export {
  NOWGG_VERIFICATION_CHANNEL,
  type NowggVerificationEvent,
  type VerdictSource,
} from './verification/verification-events.js';
