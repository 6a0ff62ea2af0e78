import {
  IdentityUnavailableError,
  InsufficientScopeError,
  InsufficientUserAuthenticationError,
  InvalidProofError,
  InvalidRequestError,
  InvalidTokenError,
  type NowggAuthError,
  ReauthenticationRequiredError,
  SessionProofError,
} from '../errors.js';
import { SESSION_KEY_ALGORITHM } from '../identity/proof-of-possession.js';

/** The headers of an error response. */
export function errorHeaders(error: NowggAuthError, realm: string): ReadonlyArray<readonly [string, string]> {
  const headers: Array<readonly [string, string]> = [['Cache-Control', 'no-store']];
  const challenge = challengeFor(error, realm);
  if (challenge !== undefined) headers.push(['WWW-Authenticate', challenge]);
  const nonce = error instanceof SessionProofError ? error.nonce : nonceOffered(error);
  if (nonce !== undefined) headers.push(['DPoP-Nonce', nonce]);
  if (error instanceof IdentityUnavailableError) headers.push(['Retry-After', String(error.retryAfterSeconds)]);
  return headers;
}

/**
 * The `WWW-Authenticate` challenge of RFC 6750 section 3 and RFC 9470, or undefined where none applies: a 503 says nothing about the
 * caller's token.
 */
export function challengeFor(error: NowggAuthError, realm: string): string | undefined {
  const dpop = `DPoP realm=${quoted(realm)}`;
  if (error instanceof SessionProofError) {
    const { errorCode, message } = error;
    return `${dpop}, error="${errorCode}", error_description=${quoted(message)}, algs="${SESSION_KEY_ALGORITHM}"`;
  }
  const offered = offers.get(error);
  if (!offered) return bearerChallengeFor(error, realm);
  const offer = `algs=${quoted(offered.algorithms)}`;
  if (error instanceof InvalidProofError) {
    const code = isAboutNonce(error) ? 'use_dpop_nonce' : 'invalid_dpop_proof';
    return `${dpop}, error="${code}", error_description=${quoted(error.message)}, ${offer}`;
  }
  const bearer = bearerChallengeFor(error, realm);
  return bearer === undefined ? undefined : `${bearer}, ${dpop}, ${offer}`;
}

/** What the guard that threw an error accepts as proofs. */
interface DpopOffer {
  /** Separated by spaces. */
  readonly algorithms: string;
  readonly nonce: string | undefined;
}

const offers = new WeakMap<NowggAuthError, DpopOffer>();

/** Names DPoP (RFC 9449 sections 7.1 and 9) in the headers of an error. */
export function offerDpop(error: NowggAuthError, offer: DpopOffer): void {
  offers.set(error, offer);
}

function nonceOffered(error: NowggAuthError): string | undefined {
  return isAboutNonce(error) ? offers.get(error)?.nonce : undefined;
}

function isAboutNonce(error: NowggAuthError): boolean {
  return error instanceof InvalidProofError && error.fault === 'nonce';
}

function bearerChallengeFor(error: NowggAuthError, realm: string): string | undefined {
  if (error instanceof InvalidTokenError) {
    // Section 3.1: a request without a credential gets no error code.
    return error.errorCode === 'missing_token' ? challenge(realm) : challenge(realm, 'invalid_token', error.message);
  }
  if (error instanceof InsufficientUserAuthenticationError) {
    return `${challenge(realm, error.errorCode, error.message)}, max_age="${error.maxAgeSeconds}"`;
  }
  if (error instanceof InvalidRequestError) {
    return error.isAboutCredentials ? challenge(realm, 'invalid_request', error.message) : undefined;
  }
  if (error instanceof InsufficientScopeError) {
    const scope = error.requiredScopes.join(' ');
    return `${challenge(realm, 'insufficient_scope', error.message)}, scope=${quoted(scope)}`;
  }
  // A 401 must have a challenge (RFC 9110 section 15.5.2), but the access token is not the problem here.
  if (error instanceof ReauthenticationRequiredError) return challenge(realm);
  return undefined;
}

function challenge(realm: string, code?: string, description?: string): string {
  const bare = `Bearer realm=${quoted(realm)}`;
  return code === undefined || description === undefined
    ? bare
    : `${bare}, error="${code}", error_description=${quoted(description)}`;
}

/** A quoted-string of RFC 9110 section 5.6.4, printable ASCII only. */
function quoted(text: string): string {
  const escaped = text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, '\\$&');
  return `"${escaped}"`;
}

/** A Fastify reply (`header`), or an Express or plain Node response (`setHeader`). */
export type HeaderTarget =
  | { setHeader(name: string, value: string): unknown }
  | { header(name: string, value: string): unknown };

/** Sets headers on either platform's response. */
export function setResponseHeaders(response: HeaderTarget, headers: ReadonlyArray<readonly [string, string]>): void {
  for (const [name, value] of headers) {
    if ('setHeader' in response) response.setHeader(name, value);
    else response.header(name, value);
  }
}
