export {
  NowggApplicationTokenService,
  type ApplicationToken,
  type ApplicationTokenOptions,
} from './provider/application-tokens.js';
export type { AuthorizationCookie } from './authorization/authorization-cookie.js';
export { AuthorizationRefusedError, type AuthorizationRefusal } from './authorization/authorization-errors.js';
export {
  NowggAuthorizationService,
  type AuthorizationCallbackRequest,
  type AuthorizationStart,
  type EndSessionOptions,
  type SignIn,
} from './authorization/authorization-service.js';
export type { AuthorizationUrlOptions } from './authorization/authorization-request.js';
export type { RedirectScopes } from './authorization/authorization-response.js';
export type { HandedOverSession } from './authorization/handoff-desk.js';
export type { AuthorizationPolicyOptions } from './authorization/authorization-policy.js';
export type { AuthorizationStartRequest } from './authorization/start-origin.js';
export type { NowggSignInView } from './authorization/authorization.controller.js';
export { NowggOAuth2Module, type NowggOAuth2ModuleOptions } from './nowgg-oauth2.module.js';
export { oauth2 } from './provider/oauth2.js';
export type {
  OAuth2ClientOptions,
  OAuth2ClientPrivateKey,
  OAuth2Endpoints,
  OAuth2ProviderOptions,
  VerificationChoice,
} from './options/oauth2-options.js';
export { authgear, type AuthgearOptions } from './presets/authgear.js';
export type { DpopOptions } from '../proofs/dpop.js';
export type { AuthgearForwarding } from './presets/authgear-forwarding.js';
export { authgearUser, type AuthgearUser } from './presets/authgear-claims.js';
export { sami, type SamiOptions } from './presets/sami.js';
export { wgtwo, type WgtwoOptions } from './presets/wgtwo.js';
export { introspection, type IntrospectionOptions } from './verification/introspection.js';
export { jwt, type JwtVerificationOptions } from './verification/jwt.js';
export { resolver, type ResolverOptions } from './presets/authgear-resolver.js';
export { tokenInfo, type TokenInfoMap, type TokenInfoOptions } from './verification/token-info.js';
export { userinfo } from './verification/userinfo.js';
export type { VerificationMethod } from './verification/verification-method.js';
