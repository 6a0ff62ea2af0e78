import { isLoopbackHost, isWebOrigin } from '../options.js';

/** Destination of a code. */
export type Delivery =
  | { readonly kind: 'popup'; readonly origin: string }
  | { readonly kind: 'redirect'; readonly redirectUri: string }
  | { readonly kind: 'copy' };

/** The sign-in that the query of the page requests. */
export interface SignInRequest {
  readonly clientId: string;
  readonly delivery: Delivery;
  readonly state?: string;
  readonly scope?: string;
  /** User id of the player whom the page offers first. */
  readonly loginHint?: string;
}

/** Rules that decide whether a query is accepted. */
export interface SignInRules {
  hasClient(clientId: string): boolean;
  readonly defaultClientId: string;
  /** Origins that may get codes, in addition to those of this machine. */
  readonly allowedOrigins: readonly string[];
}

/** A query that gets no code; its message is shown and contains nothing of the query. */
export class SignInRequestError extends Error {}

/** Fields that decide something; another program could read a repeated one differently. */
const single = ['client_id', 'mode', 'origin', 'redirect_uri', 'response_type', 'state', 'scope', 'login_hint'];
const longest = 2_000;

/**
 * Reads the query of the sign-in page. Unknown fields are ignored, as OAuth 2.0 requires (RFC 6749, 3.1).
 *
 * @throws SignInRequestError for a client or an address that gets no codes
 */
export function readSignInRequest(query: string, rules: SignInRules): SignInRequest {
  const fields = new URLSearchParams(query);
  for (const name of single) {
    if (fields.getAll(name).length > 1) throw new SignInRequestError(`${name} occurs more than once`);
    if ((fields.get(name) ?? '').length > longest) throw new SignInRequestError(`${name} is too long`);
  }
  const responseType = fields.get('response_type');
  if (responseType !== null && responseType !== 'code') throw new SignInRequestError('response_type must be code');
  const clientId = fields.get('client_id') ?? rules.defaultClientId;
  if (!rules.hasClient(clientId)) throw new SignInRequestError('client_id is not that of a registered app');
  return {
    clientId,
    delivery: readDelivery(fields, rules.allowedOrigins),
    ...optional('state', fields.get('state')),
    ...optional('scope', fields.get('scope') || null),
    ...optional('loginHint', fields.get('login_hint')),
  };
}

function readDelivery(fields: URLSearchParams, allowedOrigins: readonly string[]): Delivery {
  const mode = fields.get('mode');
  const origin = fields.get('origin');
  const redirectUri = fields.get('redirect_uri');
  if (origin !== null && redirectUri !== null)
    throw new SignInRequestError('origin and redirect_uri exclude each other');
  if (mode !== null && mode !== 'popup' && mode !== 'redirect')
    throw new SignInRequestError('mode must be popup or redirect');
  if (mode === 'popup' || origin !== null) {
    if (origin === null || mode === 'redirect') throw new SignInRequestError('a popup needs mode=popup and origin');
    return { kind: 'popup', origin: readOrigin(origin, allowedOrigins) };
  }
  if (redirectUri !== null) return { kind: 'redirect', redirectUri: readRedirectUri(redirectUri, allowedOrigins) };
  if (mode === 'redirect') throw new SignInRequestError('redirect_uri is missing');
  return { kind: 'copy' };
}

function readOrigin(origin: string, allowedOrigins: readonly string[]): string {
  if (!isWebOrigin(origin)) throw new SignInRequestError('origin must be an http or https origin without a path');
  requireAllowed(origin, allowedOrigins, 'origin');
  return origin;
}

/** The address in its parsed form, so that the browser cannot understand it differently. */
function readRedirectUri(redirectUri: string, allowedOrigins: readonly string[]): string {
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw new SignInRequestError('redirect_uri must be an absolute http or https address');
  if (url.username !== '' || url.password !== '')
    throw new SignInRequestError('redirect_uri must not hold credentials');
  if (redirectUri.includes('#')) throw new SignInRequestError('redirect_uri must not have a fragment');
  requireAllowed(url.origin, allowedOrigins, 'redirect_uri');
  return url.href;
}

function requireAllowed(origin: string, allowedOrigins: readonly string[], name: string): void {
  const host = new URL(origin).hostname.replace(/^\[(.*)\]$/, '$1');
  if (isLoopbackHost(host) || allowedOrigins.includes(origin)) return;
  throw new SignInRequestError(`${name} is neither on this machine nor among allowedOrigins`);
}

function optional<Name extends string>(name: Name, value: string | null): { [Key in Name]?: string } {
  return (value === null ? {} : { [name]: value }) as { [Key in Name]?: string };
}
