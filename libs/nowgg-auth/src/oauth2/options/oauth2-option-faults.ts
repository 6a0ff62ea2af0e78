import type { ServerMetadata } from 'openid-client';
import type { OAuth2ClientPrivateKey, OAuth2Endpoints, OAuth2ProviderOptions } from './oauth2-options.js';
import {
  A_PROVIDER_NAME,
  arrayOf,
  faultsOf,
  type Given,
  isRecord,
  isText,
  matching,
  oneOf,
  type Rule,
  type Rules,
  TRUE_OR_FALSE,
  wholeNumber,
  withoutAbsent,
} from '../../rules.js';
import { signsWith } from '../endpoints/client-assertion.js';
import { isAsymmetric } from '../verification/jwt.js';
import {
  isVerificationMethod,
  type MethodRequirements,
  secureUrlFaults,
  type VerificationMethod,
} from '../verification/verification-method.js';

/** A scope token of RFC 6749 section 3.3, without a comma, which separates scopes in some systems. */
const SCOPES = [arrayOf(matching(/^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+$/)), 'must be an array of scope names'] as const;

/** Parameters that the flow sets. Another value would break its protection. */
const AUTHORIZATION_PARAMETERS =
  /^(?:client_id|redirect_uri|response_(?:type|mode)|scope|state|nonce|code_challenge(?:_method)?|request(?:_uri)?)$/;
/** Parameters that the grant or the client authentication sets. */
const TOKEN_PARAMETERS =
  /^(?:grant_type|code(?:_verifier)?|redirect_uri|refresh_token|scope|state|client_(?:id|secret|assertion(?:_type)?))$/;

const RULES: Rules<keyof OAuth2ProviderOptions> = {
  name: [...A_PROVIDER_NAME, 'required'],
  clientId: [isText, 'must be a non-empty string', 'required'],
  clientSecret: [isText, 'must be a non-empty string, or absent'],
  clientAuthentication: authenticationFaults,
  clientPrivateKey: privateKeyFaults,
  redirectUri: [isRedirectUri, 'must be an absolute, normalised URI with a path and without query or fragment'],
  acceptCodesAtLogin: TRUE_OR_FALSE,
  postLogoutRedirectUri: [isUri, 'must be an absolute URI without a fragment'],
  backchannelLogout: logoutFaults,
  scopes: SCOPES,
  applicationScopes: SCOPES,
  authorizationParameters: parameterFaults(AUTHORIZATION_PARAMETERS, 'the authorization flow'),
  pushedAuthorizationRequests: pushFaults,
  refresh: [oneOf('required', 'optional'), 'must be required or optional'],
  tokenParameters: parameterFaults(TOKEN_PARAMETERS, 'the token request'),
  applicationParameters: parameterFaults(TOKEN_PARAMETERS, 'the token request'),
  keysMaxStaleMs: [wholeNumber(60_000, 2_592_000_000), 'must be an integer from 60000 to 2592000000 (milliseconds)'],
  allowInsecure: TRUE_OR_FALSE,
  issuer: issuerFaults,
  endpoints: endpointsFaults,
  endpointHosts: [arrayOf(isHost), 'must be an array of host names in lower case, with the port if it is not 443'],
  verification: methodFaults,
  scopeSeparator: [oneOf(' ', ','), 'must be a space or a comma'],
  idTokenAlgorithm: [isAsymmetric, 'must be an asymmetric signature algorithm'],
  issuerParameter: TRUE_OR_FALSE,
};

/** The name of each endpoint in the server's metadata. */
export const METADATA_NAMES: Readonly<Record<keyof OAuth2Endpoints, keyof ServerMetadata>> = {
  authorization: 'authorization_endpoint',
  token: 'token_endpoint',
  userinfo: 'userinfo_endpoint',
  jwks: 'jwks_uri',
  introspection: 'introspection_endpoint',
  revocation: 'revocation_endpoint',
  endSession: 'end_session_endpoint',
  pushedAuthorization: 'pushed_authorization_request_endpoint',
};

/** Every fault of these options. The sentences name options, never values. */
export function oauth2OptionFaults(options: unknown): string[] {
  return faultsOf(RULES, options);
}

function authenticationFaults(method: unknown, name: string, { clientSecret, clientPrivateKey }: Given): string[] {
  if (method !== undefined && !AUTHENTICATION_METHODS.includes(method)) {
    return [`${name} must be basic, post, none, client_secret_jwt or private_key_jwt`];
  }
  const needsSecret = method === 'basic' || method === 'post' || method === 'client_secret_jwt';
  if (needsSecret && clientSecret === undefined) return [`clientSecret is needed for this ${name}`];
  return method === 'private_key_jwt' && clientPrivateKey === undefined
    ? [`clientPrivateKey is needed for this ${name}`]
    : [];
}

const AUTHENTICATION_METHODS: readonly unknown[] = ['basic', 'post', 'none', 'client_secret_jwt', 'private_key_jwt'];

/** Algorithm of assertions when the option is absent. */
export const DEFAULT_ASSERTION_ALGORITHM = 'RS256';

const PRIVATE_KEY: Rules<keyof OAuth2ClientPrivateKey> = {
  key: (key, name, { algorithm = DEFAULT_ASSERTION_ALGORITHM }) =>
    typeof algorithm === 'string' && signsWith(key, algorithm)
      ? []
      : [`${name} must be a private key for its algorithm: PKCS#8 in PEM, RSA with at least 2048 bits`],
  keyId: [isText, 'must be a non-empty string, or absent'],
  algorithm: [isAsymmetric, 'must be an asymmetric signature algorithm'],
};

function privateKeyFaults(key: unknown, name: string, { clientAuthentication, clientSecret }: Given): string[] {
  if (key === undefined) return [];
  const isUsed =
    clientAuthentication === 'private_key_jwt' || (clientAuthentication === undefined && clientSecret === undefined);
  const unused = isUsed ? [] : [`${name} is only for clientAuthentication private_key_jwt`];
  return [...faultsOf(PRIVATE_KEY, key, `${name}.`), ...unused];
}

function pushFaults(push: unknown, name: string, { endpoints }: Given): string[] {
  if (push !== undefined && typeof push !== 'boolean') return [`${name} must be true or false`];
  const lacksEndpoint = push === true && isRecord(endpoints) && endpoints.pushedAuthorization === undefined;
  return lacksEndpoint ? [`endpoints.pushedAuthorization is needed for ${name}`] : [];
}

/** A logout token is signed by the issuer, and names a user by `sub`. */
function logoutFaults(receives: unknown, name: string, { issuer, endpoints, verification }: Given): string[] {
  if (receives !== undefined && typeof receives !== 'boolean') return [`${name} must be true or false`];
  if (receives !== true) return [];
  const lacksKeys = isRecord(endpoints) && endpoints.jwks === undefined;
  return [
    ...(issuer === undefined ? [`issuer is needed for ${name}`] : []),
    ...(lacksKeys ? [`endpoints.jwks is needed for ${name}`] : []),
    ...(isVerificationMethod(verification) && verification.kind === 'tokenInfo'
      ? [`${name} does not fit tokenInfo: it names users otherwise than by sub`]
      : []),
  ];
}

function parameterFaults(reserved: RegExp, by: string): Rule {
  return (parameters = {}, name) => {
    const names = isRecord(parameters) ? Object.keys(parameters) : [];
    const faults = names.filter((key) => reserved.test(key)).map((key) => `${name}.${key} is reserved for ${by}`);
    if (isRecord(parameters) && Object.values(parameters).every(isText)) return faults;
    return [`${name} must be an object of non-empty strings`, ...faults];
  };
}

function issuerFaults(issuer: unknown, name: string, { endpoints, allowInsecure }: Given): string[] {
  if (issuer === undefined) return isRecord(endpoints) ? [] : ['issuer or endpoints is required'];
  if (!isIssuer(issuer)) return [`${name} must be an absolute URL without query or fragment`];
  return secureUrlFaults(issuer, name, allowInsecure);
}

function endpointsFaults(endpoints: unknown, name: string, { allowInsecure }: Given): string[] {
  if (endpoints === undefined) return [];
  if (!isRecord(endpoints)) return [`${name} must be an object of URLs`];
  const given = withoutAbsent(endpoints);
  if (Object.keys(given).length === 0) return [`${name} must name at least one endpoint`];
  const rule: Rule = (url, path) => (url === undefined ? [] : secureUrlFaults(url, path, allowInsecure));
  return faultsOf(Object.fromEntries(Object.keys(METADATA_NAMES).map((key) => [key, rule])), given, `${name}.`);
}

function methodFaults(choice: unknown, name: string, options: Given): string[] {
  const methods = isRecord(choice) && !isVerificationMethod(choice) ? [choice.jwt, choice.opaque] : [choice];
  if (!arrayOf(isVerificationMethod)(methods)) {
    return [`${name} must be a verification method, or one for jwt and one for opaque`];
  }
  return (methods as VerificationMethod[]).flatMap((method) => method.faults(options as MethodRequirements));
}

function isUri(value: unknown): value is string {
  return isText(value) && URL.canParse(value) && !value.includes('#');
}

/** An issuer identifier (RFC 8414 section 2): an address without query, fragment, white space or backslash. */
function isIssuer(value: unknown): boolean {
  return isUri(value) && !/[\p{Cc}\s?#\\]/u.test(value);
}

/** Normalised, because two spellings would count as two URIs; without a query, because the library drops it. */
function isRedirectUri(value: unknown): boolean {
  return isUri(value) && new URL(value).href === value && new URL(value).search === '';
}

function isHost(value: unknown): boolean {
  const isName = matching(/^[a-z0-9.:[\]-]{1,255}$/)(value) && URL.canParse(`https://${value as string}`);
  return isName && new URL(`https://${value as string}`).host === value;
}
