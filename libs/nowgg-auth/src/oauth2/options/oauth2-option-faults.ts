import type { OAuth2ProviderOptions } from './oauth2-options.js';
import { isSecureUrl } from '../../identity/urls.js';
import { isVerificationMethod, type VerificationMethod } from '../verification/verification-method.js';

type Rule = readonly [isGood: (value: unknown) => boolean, sentence: string];
type Options = Readonly<Record<string, unknown>>;

const isText = (value: unknown) => typeof value === 'string' && value.trim() !== '' && value.length <= 2048;
const isOneOf =
  (...values: readonly unknown[]) =>
  (value: unknown) =>
    values.includes(value);
/** A scope token of RFC 6749 section 3.3, without a comma, which separates scopes in some systems. */
const isScope = (value: unknown) => typeof value === 'string' && /^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+$/.test(value);
const areScopes = (value: unknown) => Array.isArray(value) && value.every(isScope);
const areTexts = (value: unknown) => isRecord(value) && Object.values(value).every(isText);
const isUri = (value: unknown) => isText(value) && URL.canParse(value as string) && !(value as string).includes('#');
/** An issuer identifier (RFC 8414 section 2): an address without query, fragment, white space or backslash. */
const isIssuer = (value: unknown) => isUri(value) && !/[\p{Cc}\s?#\\]/u.test(value as string);
const isHost = (value: unknown) =>
  typeof value === 'string' &&
  value.length <= 255 &&
  /^[a-z0-9.:[\]-]+$/.test(value) &&
  URL.canParse(`https://${value}`) &&
  new URL(`https://${value}`).host === value;
const areHosts = (value: unknown) => Array.isArray(value) && value.every(isHost);
/** Normalised, because two spellings would count as two URIs; without a query, because the library drops it. */
const isRedirectUri = (value: unknown) =>
  isUri(value) && new URL(value as string).href === value && new URL(value).search === '';

const RULES: Readonly<Record<keyof OAuth2ProviderOptions, Rule>> = {
  name: [
    (value) => typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value),
    'must be 1 to 64 characters of A-Z a-z 0-9 _ -',
  ],
  clientId: [isText, 'must be a non-empty string'],
  clientSecret: [isText, 'must be a non-empty string, or absent'],
  clientAuthentication: [isOneOf('basic', 'post', 'none'), 'must be basic, post or none'],
  redirectUri: [isRedirectUri, 'must be an absolute, normalised URI with a path and without query or fragment'],
  acceptCodesAtLogin: [isOneOf(true, false), 'must be true or false'],
  postLogoutRedirectUri: [isUri, 'must be an absolute URI without a fragment'],
  scopes: [areScopes, 'must be an array of scope names'],
  applicationScopes: [areScopes, 'must be an array of scope names'],
  authorizationParameters: [areTexts, 'must be an object of non-empty strings'],
  keysMaxStaleMs: [
    (value) => Number.isSafeInteger(value) && (value as number) >= 60_000 && (value as number) <= 2_592_000_000,
    'must be an integer from 60000 to 2592000000 (milliseconds)',
  ],
  allowInsecure: [isOneOf(true, false), 'must be true or false'],
  issuer: [isIssuer, 'must be an absolute URL without query or fragment'],
  endpoints: [isRecord, 'must be an object of URLs'],
  endpointHosts: [areHosts, 'must be an array of host names in lower case, with the port if it is not 443'],
  verification: [isVerificationChoice, 'must be a verification method, or one for jwt and one for opaque'],
  scopeSeparator: [isOneOf(' ', ','), 'must be a space or a comma'],
  idTokenAlgorithm: [
    (value) => typeof value === 'string' && /^(?:RS|PS|ES)(?:256|384|512)$|^EdDSA$|^Ed25519$/.test(value),
    'must be an asymmetric signature algorithm',
  ],
  issuerParameter: [isOneOf(true, false), 'must be true or false'],
};
const REQUIRED: readonly (keyof OAuth2ProviderOptions)[] = ['name', 'clientId', 'verification'];
/** Parameters that the flow sets. Another value would break its protection. */
const RESERVED = new Set(
  'client_id redirect_uri response_type response_mode scope state nonce code_challenge code_challenge_method request request_uri'.split(
    ' ',
  ),
);

const ENDPOINTS = ['authorization', 'token', 'userinfo', 'jwks', 'introspection', 'revocation', 'endSession'] as const;

/** Every fault of these options, as sentences that name the option and never its value. Empty for valid options. */
export function oauth2OptionFaults(options: OAuth2ProviderOptions): string[] {
  if (!isRecord(options)) return ['the options must be an object'];
  const given: Options = options;
  const known = Object.entries(given).flatMap(([key, value]) => {
    if (!Object.hasOwn(RULES, key)) return [`unknown option ${key}`];
    const [isGood, sentence] = RULES[key as keyof OAuth2ProviderOptions];
    return value === undefined || isGood(value) ? [] : [`${key} ${sentence}`];
  });
  const missing = REQUIRED.filter((key) => given[key] === undefined).map((key) => `${key} ${RULES[key][1]}`);
  return [...known, ...missing, ...addressFaults(given), ...clientFaults(given), ...methodFaults(options)];
}

function addressFaults({ issuer, endpoints, allowInsecure }: Options): string[] {
  const insecure = allowInsecure === true;
  const sentence = 'must be https: plain http needs a loopback host or allowInsecure';
  const faults = isUri(issuer) && !isSecureUrl(issuer, insecure) ? [`issuer ${sentence}`] : [];
  if (!isRecord(endpoints)) return issuer === undefined ? [...faults, 'issuer or endpoints is required'] : faults;
  const named = Object.entries(endpoints).filter(([, url]) => url !== undefined);
  if (named.length === 0) faults.push('endpoints must name at least one endpoint');
  for (const [key, url] of named) {
    if (!(ENDPOINTS as readonly string[]).includes(key)) faults.push(`unknown endpoint endpoints.${key}`);
    else if (!isSecureUrl(url, insecure)) faults.push(`endpoints.${key} ${sentence}`);
  }
  return faults;
}

function clientFaults({ clientAuthentication, clientSecret, authorizationParameters }: Options): string[] {
  const faults: string[] = [];
  const needsSecret = clientAuthentication === 'basic' || clientAuthentication === 'post';
  if (needsSecret && clientSecret === undefined) faults.push('clientSecret is needed for this clientAuthentication');
  const names = isRecord(authorizationParameters) ? Object.keys(authorizationParameters) : [];
  for (const name of names.filter((item) => RESERVED.has(item))) {
    faults.push(`authorizationParameters.${name} is reserved for the authorization flow`);
  }
  return faults;
}

function methodFaults(options: OAuth2ProviderOptions): string[] {
  const { verification } = options;
  if (!isVerificationChoice(verification)) return [];
  const methods: VerificationMethod[] = isVerificationMethod(verification)
    ? [verification]
    : [verification.jwt, verification.opaque];
  return methods.flatMap((method) => method.faults(options));
}

function isVerificationChoice(value: unknown): boolean {
  if (isVerificationMethod(value)) return true;
  return isRecord(value) && isVerificationMethod(value.jwt) && isVerificationMethod(value.opaque);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
