import {
  ForwardedIdentities,
  type ForwardedReading,
  type ForwardedRequest,
} from '../../identity/forwarding/forwarded-identity.js';
import {
  TRUSTED_PROXY_RULES,
  TrustedProxy,
  type TrustedProxyOptions,
} from '../../identity/forwarding/trusted-proxy.js';
import { faultsOf, type Rules, wholeNumber } from '../../rules.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { factsOf } from '../verification/token-facts.js';
import { claimsOfHeaders, HEADER_NAMES, HEADER_PREFIX, type HeaderName } from './authgear-headers.js';

/**
 * A proxy that asks Authgear's resolver about each request and hands its headers on.
 *
 * @example
 * ```ts
 * import { authgear } from 'nestjs-nowgg-auth/oauth2';
 *
 * export const players = authgear({
 *   endpoint: 'https://myapp.authgear.cloud',
 *   clientId: process.env.AUTHGEAR_CLIENT_ID ?? '',
 *   forwarded: { peers: ['10.1.0.0/16'], secret: process.env.PROXY_SECRET ?? '' },
 * });
 * ```
 */
export interface AuthgearForwarding extends TrustedProxyOptions {
  /**
   * Longest life of a session at Authgear, in milliseconds: one minute to ten years. An older session is refused, and a
   * sign-out is remembered for this time. Default 31,449,600,000 (52 weeks).
   */
  sessionLifeMs?: number;
}

const DEFAULT_SESSION_LIFE_MS = 52 * 7 * 24 * 3_600_000;
const MOST_LIFE_MS = 3_650 * 24 * 3_600_000;

const RULES: Rules<keyof AuthgearForwarding> = {
  ...TRUSTED_PROXY_RULES,
  sessionLifeMs: [wholeNumber(60_000, MOST_LIFE_MS), 'must be a whole number of milliseconds, one minute to ten years'],
};

const FLAG = /^(?:true|false)$/;
const LIST = /^[\x20-\x7e]{1,4096}$/;
/** The form of each header that is not empty. A comma elsewhere than in a list joins two headers. */
const FORMS: Readonly<Record<HeaderName, RegExp>> = {
  'session-valid': FLAG,
  'user-id': /^[\x21-\x2b\x2d-\x7e]{1,255}$/,
  'user-anonymous': FLAG,
  'user-verified': FLAG,
  'user-can-reauthenticate': FLAG,
  'user-roles': LIST,
  'session-amr': LIST,
  'session-authenticated-at': /^\d{1,12}$/,
};

const NONE: ForwardedReading = { outcome: 'none' };
const MALFORMED: ForwardedReading = { outcome: 'malformed' };

/** Faults of the option `forwarded`. */
export function forwardingFaults(forwarded: unknown, name: string): string[] {
  return forwarded === undefined ? [] : faultsOf(RULES, forwarded, `${name}.`);
}

/** Reads the identities that a proxy forwards for one client. */
export function authgearForwarding(options: AuthgearForwarding): (client: OAuth2Client) => ForwardedIdentities {
  const { sessionLifeMs = DEFAULT_SESSION_LIFE_MS, ...proxy } = options;
  const trusted = new TrustedProxy(proxy);
  return (client) => new AuthgearForwardedIdentities(client, trusted, sessionLifeMs);
}

class AuthgearForwardedIdentities extends ForwardedIdentities {
  readonly #client: OAuth2Client;
  readonly #proxy: TrustedProxy;
  readonly #sessionLifeMs: number;

  constructor(client: OAuth2Client, proxy: TrustedProxy, sessionLifeMs: number) {
    super();
    this.#client = client;
    this.#proxy = proxy;
    this.#sessionLifeMs = sessionLifeMs;
  }

  override read({ rawHeaders = [], socket }: ForwardedRequest): ForwardedReading {
    const sent = headersIn(rawHeaders);
    if (sent.size === 0) return NONE;
    // An ended connection has no address either, and must not count as a unix socket.
    if (!socket || socket.destroyed === true || !this.#proxy.isPeer(socket.remoteAddress))
      return { outcome: 'untrusted', fault: 'peer' };
    if (!this.#proxy.hasSecret(valuesOf(rawHeaders, this.#proxy.secretHeader))) {
      return { outcome: 'untrusted', fault: 'secret' };
    }
    if ([...sent.values()].some((values) => values.length > 1)) return MALFORMED;
    const header = (name: HeaderName) => sent.get(name)?.[0] || undefined;
    const valid = header('session-valid');
    if (valid === undefined || valid === 'false') return NONE;
    const hasForm = (name: HeaderName) => FORMS[name].test(header(name) ?? '');
    // Only the user is indispensable.
    const areGood = HEADER_NAMES.every((name) => (header(name) === undefined ? name !== 'user-id' : hasForm(name)));
    return areGood ? this.#identityOf(header) : MALFORMED;
  }

  #identityOf(header: (name: HeaderName) => string | undefined): ForwardedReading {
    const facts = factsOf(this.#client, claimsOfHeaders(header));
    if (!facts) return MALFORMED;
    // A session without a time counts as older than every sign-out.
    const { authTimeMs } = facts;
    const expiresAtMs = authTimeMs === undefined ? undefined : authTimeMs + this.#sessionLifeMs;
    return { outcome: 'identity', facts: { ...facts, issuedAtMs: authTimeMs, expiresAtMs } };
  }
}

/** Every value of each of the resolver's headers. */
function headersIn(rawHeaders: readonly string[]): Map<HeaderName, string[]> {
  const sent = new Map<HeaderName, string[]>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const raw = rawHeaders[i] ?? '';
    if (raw.length <= HEADER_PREFIX.length || raw[1] !== '-') continue;
    const name = raw.toLowerCase();
    if (!name.startsWith(HEADER_PREFIX)) continue;
    const known = HEADER_NAMES.find((each) => name === HEADER_PREFIX + each);
    if (known) sent.set(known, [...(sent.get(known) ?? []), rawHeaders[i + 1] ?? '']);
  }
  return sent;
}

function valuesOf(rawHeaders: readonly string[], header: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === header) values.push(rawHeaders[i + 1] ?? '');
  }
  return values;
}
