import { Logger } from '@nestjs/common';
import { MAX_TOKEN_LENGTH } from '../identity/token-text.js';
import { NowggConfigurationError } from '../errors.js';
import type { PresentedToken } from '../verification/possession/bound-callers.js';
import type { CredentialRequest, CredentialsOptions, ResolvedVerificationOptions } from '../options/options.js';

/** The credential of a request. Only its form is checked here; the token's characters are checked when it is new. */
export type Credential =
  /** No Authorization header, or another scheme. */
  | { readonly outcome: 'none' }
  | { readonly outcome: 'token'; readonly token: string }
  /** The Bearer scheme with something that cannot be one token. */
  | { readonly outcome: 'malformed' }
  /** More than one credential at once: two Authorization headers, or a header and another place. */
  | { readonly outcome: 'ambiguous' };

/** The parts of Node's `IncomingMessage` that a credential is read from. */
export interface CredentialSource {
  readonly headers?: { readonly authorization?: string | readonly string[] | undefined };
  readonly rawHeaders?: readonly string[];
  readonly url?: string | undefined;
  /** The URL that Express keeps when a router or a middleware rewrites {@link url}. */
  readonly originalUrl?: string | undefined;
}

const NONE: Credential = { outcome: 'none' };
const MALFORMED: Credential = { outcome: 'malformed' };
const AMBIGUOUS: Credential = { outcome: 'ambiguous' };

const SPACE = 0x20;
const BEARER = 'bearer';
const DPOP = 'dpop';
/** A character that would make the scheme's name longer (RFC 9110 section 5.6.2, `tchar`). */
const TOKEN_CHARACTER = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;

/**
 * Reads the bearer credential of a request (RFC 6750 section 2.1). Without `extract`, bodies, cookies and other headers
 * are never read, and a query `access_token` is only detected, never used.
 *
 * @param request a request of Node or Express, or Fastify's wrapper around one
 * @param extract of the application, see the option `credentials`
 * @throws NowggConfigurationError when `extract` fails
 */
export function readCredential(
  request: CredentialSource & { readonly raw?: CredentialSource },
  extract?: CredentialsOptions['extract'],
): Credential {
  const byHeader = readHeader(request);
  if (extract === undefined) return byHeader;
  const extracted = extractCredential(request as CredentialRequest, extract);
  if (extracted.outcome === 'none') return byHeader;
  return byHeader.outcome === 'none' || isSameToken(byHeader, extracted) ? extracted : AMBIGUOUS;
}

function readHeader(request: CredentialSource & { readonly raw?: CredentialSource }): Credential {
  // An Express request has them itself, and every property access on it is slow.
  const { rawHeaders } = request;
  if (rawHeaders !== undefined) return credentialOf(request, rawHeaders);
  const source = request.raw ?? request;
  return credentialOf(source, source.rawHeaders);
}

function credentialOf(source: CredentialSource, rawHeaders: CredentialSource['rawHeaders']): Credential {
  const header = source.headers?.authorization;
  if (header === undefined) return NONE;
  // Node silently keeps the first of two headers; only the raw list shows both.
  if (typeof header !== 'string' || hasTwoAuthorizationLines(rawHeaders)) return AMBIGUOUS;
  const credential = parseAuthorization(header);
  if (credential.outcome === 'none') return NONE;
  return hasQueryToken(source.originalUrl ?? source.url) ? AMBIGUOUS : credential;
}

/**
 * Parses the value of one Authorization header. The scheme is case-insensitive; only spaces may follow it. The rest is
 * the token, whatever its other characters: they are checked when the token is new.
 */
export function parseAuthorization(header: string, scheme: string = BEARER): Credential {
  if (header.slice(0, scheme.length).toLowerCase() !== scheme) return NONE;
  let start = scheme.length;
  if (header.charCodeAt(start) !== SPACE) return TOKEN_CHARACTER.test(header.charAt(start)) ? NONE : MALFORMED;
  while (header.charCodeAt(start) === SPACE) start += 1;
  const length = header.length - start;
  if (length === 0 || length > MAX_TOKEN_LENGTH || header.includes(' ', start)) return MALFORMED;
  return { outcome: 'token', token: header.slice(start) };
}

/** A request whose method and other headers are read too. */
type BoundSource = CredentialSource & { readonly method?: string | undefined };

/**
 * Reads the credential of a request with the scheme `DPoP` (RFC 9449 section 7.1), and its proof. Undefined for any other
 * credential: then the bearer token, if there is one, decides.
 */
export function readBoundToken(request: BoundSource & { readonly raw?: BoundSource }): PresentedToken | undefined {
  const source = request.rawHeaders === undefined ? (request.raw ?? request) : request;
  const headers: Readonly<Record<string, unknown>> = source.headers ?? {};
  const { authorization, dpop } = headers;
  if (typeof authorization !== 'string') return undefined;
  const credential = parseAuthorization(authorization, DPOP);
  if (credential.outcome === 'none') return undefined;
  const path = source.originalUrl ?? source.url ?? '';
  const { rawHeaders } = source;
  const isAmbiguous = hasTwoAuthorizationLines(rawHeaders) || hasTwoProofs(rawHeaders) || hasQueryToken(path);
  const token = credential.outcome === 'token' ? credential.token : '';
  // Node joins two headers by a comma, which no proof contains.
  const proof = typeof dpop === 'string' && token !== '' ? dpop : undefined;
  return { token, proof, isAmbiguous, method: source.method ?? '', path };
}

function hasTwoAuthorizationLines(rawHeaders: readonly string[] | undefined): boolean {
  if (rawHeaders === undefined) return false;
  let lines = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 13 && name.toLowerCase() === 'authorization') lines += 1;
  }
  return lines > 1;
}

function hasTwoProofs(rawHeaders: readonly string[] = []): boolean {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === DPOP).length > 1;
}

type Extract = Required<CredentialsOptions>['extract'];

function extractCredential(request: CredentialRequest, extract: Extract): Credential {
  let token: unknown;
  try {
    token = extract(request);
  } catch (error) {
    throw failureOf(extract, 'threw an error: it must return undefined for a request without a token', error);
  }
  if (token === undefined || token === '') return NONE;
  if (typeof token !== 'string') throw failureOf(extract, 'must return a string or undefined, and not a promise');
  return token.length > MAX_TOKEN_LENGTH || token.includes(' ') ? MALFORMED : { outcome: 'token', token };
}

const failed = new WeakSet<Extract>();

/** Logged once: Nest does not log it. Without the message of the cause, which may quote the token. */
function failureOf(extract: Extract, fault: string, cause?: unknown): NowggConfigurationError {
  const error = new NowggConfigurationError(`credentials.extract ${fault}`);
  if (!failed.has(extract)) new Logger('NowggAuth').error(error.message + placeOf(cause));
  failed.add(extract);
  return error;
}

/** The lines of a stack without the message. */
function placeOf(cause: unknown): string {
  if (!(cause instanceof Error) || cause.stack === undefined) return '';
  const head = cause.message === '' ? cause.name : `${cause.name}: ${cause.message}`;
  return cause.stack.startsWith(`${head}\n`) ? cause.stack.slice(head.length) : '';
}

/** Whether both are the same token: a function may read the `Authorization` header as well. */
export function isSameToken(one: Credential, other: Credential): boolean {
  return one.outcome === 'token' && other.outcome === 'token' && one.token === other.token;
}

/** Whether the query names `access_token`, however it is escaped and with or without array brackets. */
function hasQueryToken(url: string | undefined): boolean {
  const start = url === undefined ? -1 : url.indexOf('?');
  if (url === undefined || start < 0) return false;
  const query = url.slice(start + 1);
  if (!query.includes('access_token') && !query.includes('%')) return false;
  return query.split(/[&;]/).some((pair) => parameterName(pair) === 'access_token');
}

function parameterName(pair: string): string {
  const name = pair.split('=', 1)[0] ?? '';
  return unescaped(name).split('[', 1)[0] ?? '';
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not well-formed: no framework reads a known name from it either.
    return text;
  }
}

const LONGEST_SOURCE = 256;

/** The source that the application names for a request; undefined when its answer is not usable. Never throws. */
export function requestSource(
  request: object,
  { sourceOf }: Pick<ResolvedVerificationOptions, 'sourceOf'>,
): string | undefined {
  if (!sourceOf) return undefined;
  try {
    const source: unknown = sourceOf(request);
    return typeof source === 'string' && source !== '' ? source.slice(0, LONGEST_SOURCE) : undefined;
  } catch {
    return undefined;
  }
}
