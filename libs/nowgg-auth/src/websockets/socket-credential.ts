import type { IncomingMessage } from 'node:http';
import { NowggAuthError } from '../errors.js';
import type { CallCredential } from '../http/transport.js';
import { readCredential } from '../http/credential.js';
import { removeText } from '../connections/token-removal.js';
import { MAX_TOKEN_LENGTH } from '../identity/token-text.js';
import type { CredentialsOptions } from '../options/options.js';
import { HeldToken } from '../verification/held-token.js';

/** The subprotocol that a client offers beside its token, and that the server selects. */
export const SUBPROTOCOL = 'nowgg.v1';
/** Prefix of the offered subprotocol that is a token. The server never selects it. */
const BEARER = 'bearer.';
const PROTOCOL_HEADER = 'sec-websocket-protocol';
const NONE: CallCredential = { outcome: 'none' };
const MALFORMED: CallCredential = { outcome: 'malformed' };
const AMBIGUOUS: CallCredential = { outcome: 'ambiguous' };

/**
 * Takes the credential out of the request of a handshake: from its `Authorization` header, its subprotocols, and, if the
 * application allows them, a query parameter and another place. Afterwards the request does not contain the token. A
 * token is encrypted at once.
 */
export function takeCredential(
  request: IncomingMessage,
  { queryParameter, extract }: { readonly queryParameter: string | undefined } & CredentialsOptions,
): CallCredential {
  const byHeader = readRequest(request, extract);
  if (extract && byHeader.outcome === 'token') removeText(request, byHeader.token);
  const found = [
    byHeader.outcome === 'token' ? held(byHeader.token) : byHeader,
    ...takeFromSubprotocols(request),
    ...(queryParameter === undefined ? [] : takeFromQuery(request, queryParameter)),
  ];
  removeHeader(request, 'authorization');
  return combine(found);
}

function readRequest(request: IncomingMessage, extract: CredentialsOptions['extract']): CallCredential {
  try {
    return readCredential(request, extract);
  } catch (error) {
    if (error instanceof NowggAuthError) return { outcome: 'failed', error };
    throw error;
  }
}

/** Takes the token out of the `auth` of a socket.io handshake. */
export function takeFromAuth(auth: unknown): CallCredential {
  if (typeof auth !== 'object' || auth === null || !Object.hasOwn(auth, 'token')) return NONE;
  const given = auth as { token?: unknown };
  const { token } = given;
  delete given.token;
  return token === undefined || token === null ? NONE : credentialOf(token);
}

/** The credential of a value that should be a token. */
export function credentialOf(token: unknown): CallCredential {
  const isToken = typeof token === 'string' && token !== '' && token.length <= MAX_TOKEN_LENGTH;
  return isToken && !token.includes(' ') ? held(token) : MALFORMED;
}

/** The one credential of several places; more than one is ambiguous, even when they are equal. */
export function combine(found: readonly CallCredential[]): CallCredential {
  const present = found.filter(({ outcome }) => outcome !== 'none');
  return present.length > 1 ? AMBIGUOUS : (present[0] ?? NONE);
}

function held(token: string): CallCredential {
  return { outcome: 'held', held: new HeldToken(token) };
}

function takeFromSubprotocols(request: IncomingMessage): CallCredential[] {
  const header = request.headers[PROTOCOL_HEADER];
  if (header === undefined) return [];
  const offered = header.split(',').map((each) => each.trim());
  const others = offered.filter((each) => !each.startsWith(BEARER));
  if (others.length === offered.length) return [];
  removeHeader(request, PROTOCOL_HEADER);
  if (others.length > 0) request.headers[PROTOCOL_HEADER] = others.join(', ');
  // Without the marker it is not meant for this module. It is removed all the same: a server must not select it.
  if (!others.includes(SUBPROTOCOL)) return [];
  return offered.filter((each) => each.startsWith(BEARER)).map((each) => credentialOf(each.slice(BEARER.length)));
}

function takeFromQuery(request: IncomingMessage, name: string): CallCredential[] {
  const { url = '' } = request;
  const start = url.indexOf('?');
  if (start < 0) return [];
  const query = new URLSearchParams(url.slice(start + 1));
  const tokens = query.getAll(name);
  if (tokens.length === 0) return [];
  query.delete(name);
  const rest = query.toString();
  request.url = url.slice(0, start) + (rest === '' ? '' : `?${rest}`);
  const { _query: parsed } = request as { _query?: Record<string, unknown> };
  if (parsed) delete parsed[name];
  return tokens.map(credentialOf);
}

/** Removes the values of a header from a request, in each form in which Node and frameworks show them. */
function removeHeader(request: IncomingMessage, name: string): void {
  const { rawHeaders } = request;
  delete request.headers[name];
  // Node counts the raw headers before it shows them in another form: a line is emptied and not removed.
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === name) rawHeaders[at + 1] = '';
  }
  const { headersDistinct } = request;
  if (headersDistinct[name]) delete headersDistinct[name];
}
