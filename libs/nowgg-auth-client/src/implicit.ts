import { browser, type SessionStorageAdapter } from './browser.js';
import { type SessionClock, systemClock } from './clock.js';
import { RequestRefusedError } from './errors.js';
import type { SessionClient } from './session-client.js';
import { uniqueName } from './tab-lock.js';

/** Options of {@link implicitSignIn}. */
export interface ImplicitSignInOptions {
  /** Authorization endpoint of the identity system: https, or http on this machine. */
  readonly authorizationUrl: string;
  readonly clientId: string;
  /** Address of the page that the browser comes back to, exactly as registered. */
  readonly redirectUri: string;
  /** Scopes as the identity system writes them, such as `read,write`. Default: the system's. */
  readonly scope?: string;
  /** Keeps the `state` while the player signs in. Default: the `sessionStorage` of this tab. */
  readonly storage?: SessionStorageAdapter;
  /** Clock for tests. Default: the machine's clock. */
  readonly clock?: SessionClock;
}

/** A sign-in by the implicit method. */
export interface ImplicitSignIn {
  /** Address to send the browser to, by `location.assign()`. It is good for one sign-in. */
  url(): Promise<string>;
  /**
   * Adopts the token in the fragment of the page's address, and removes the fragment from the address bar and the
   * history at once. Call it at each start of the page.
   *
   * @returns whether there is a new session; false when this page does not come from a sign-in
   * @throws RequestRefusedError when nothing was adopted: `errorCode` is the identity system's reason, `invalid_state`
   *   when this tab began no such sign-in, or `invalid_response`
   */
  complete(): Promise<boolean>;
}

/** Time that a sign-in may take. */
const longestMs = 600_000;
const parameters = ['access_token', 'token_type', 'expires_in', 'state', 'error'];

/**
 * Signs in by the implicit method (RFC 6749 section 4.2): the access token comes in the address of the page. **Legacy**:
 * scripts, extensions and the browser's history may see the token, it cannot be refreshed, and nothing proves to the
 * page that it was issued for this application. Use it only where the identity system offers a page without a backend
 * nothing else, as Samsung SAMI does; otherwise use `signInUrl()`. The session ends with the token.
 *
 * @throws TypeError for an address that is not safe
 *
 * @example
 * ```ts
 * import { configure } from 'nowgg-auth-client';
 * import { implicitSignIn } from 'nowgg-auth-client/implicit';
 *
 * const auth = configure({ baseUrl: 'https://api.samsungsami.io/v1.1/', storage: 'localStorage' });
 * const signIn = implicitSignIn(auth, {
 *   authorizationUrl: 'https://accounts.samsungsami.io/authorize',
 *   clientId: '9628eef2a00d43d89b757b8d34373588',
 *   redirectUri: 'https://myapp.com/callback',
 *   scope: 'read,write',
 * });
 *
 * export async function start() {
 *   await signIn.complete();
 *   return (await auth.ready) === 'AUTHENTICATED' ? undefined : signIn.url(); // the address behind the button
 * }
 * ```
 */
export function implicitSignIn(client: Pick<SessionClient, 'adopt'>, options: ImplicitSignInOptions): ImplicitSignIn {
  const { authorizationUrl, clientId, redirectUri, scope, clock = systemClock } = options;
  for (const address of [authorizationUrl, redirectUri]) {
    if (!isSafe(address))
      throw new TypeError('authorizationUrl and redirectUri must be https, or http on this machine');
  }
  const storage = options.storage ?? findSessionStorage();
  const key = `nowgg-auth implicit ${authorizationUrl} ${clientId}`;

  /** Each state serves once, whatever comes of it. */
  const takeState = async () => {
    const [state, begunAt] = String(await storage?.getItem(key)).split(' ');
    await storage?.removeItem(key);
    return Math.abs(clock.now() - Number(begunAt)) < longestMs ? state : undefined;
  };

  return {
    async url() {
      if (!storage) throw new TypeError('a sign-in needs a storage');
      const state = `${uniqueName()}-${uniqueName()}`;
      await storage.setItem(key, `${state} ${clock.now()}`);
      const url = new URL(authorizationUrl);
      const values = { client_id: clientId, response_type: 'token', redirect_uri: redirectUri, state };
      for (const [name, value] of Object.entries({ ...values, ...(scope && { scope }) })) {
        url.searchParams.set(name, value);
      }
      return url.href;
    },
    async complete() {
      const answer = takeFragment();
      if (!answer) return false;
      const state = await takeState();
      const [token, type, seconds, ...[given, error]] = parameters.map((name) => answer.get(name));
      const isDoubled = parameters.some((name) => answer.getAll(name).length > 1);
      if (!state || given !== state || isDoubled) throw refused('invalid_state');
      if (error) throw refused(/^[a-z_]{1,64}$/.test(error) ? error : 'other');
      const isToken = /^[\w.~+/-]{1,8192}=*$/.test(`${token}`) && type?.toLowerCase() === 'bearer';
      if (!token || !isToken || (seconds && !/^[1-9]\d{0,8}$/.test(seconds))) throw refused('invalid_response');
      const endsAt = clock.now() + Number(seconds) * 1000;
      await client.adopt({ token, ...(seconds && { tokenExpiresAt: new Date(endsAt).toISOString() }) });
      return true;
    },
  };
}

/** The fragment, if it is the answer of an identity system. It is gone from the address and the history then. */
function takeFragment(): URLSearchParams | undefined {
  const { location, history } = browser;
  const values = new URLSearchParams(location?.hash?.slice(1));
  if (!values.has('access_token') && !(values.has('error') && values.has('state'))) return undefined;
  history?.replaceState(history.state, '', `${location?.pathname}${location?.search}`);
  return values;
}

/** `undefined` when there is none or a browser setting denies access. */
function findSessionStorage(): SessionStorageAdapter | undefined {
  try {
    return browser.sessionStorage;
  } catch {
    return undefined;
  }
}

function isSafe(address: string): boolean {
  return (
    URL.canParse(address) && /^(https:|http:..(localhost|127(\.\d+){3}|\[::1\])(:\d+)?\/)/.test(new URL(address).href)
  );
}

function refused(errorCode: string): RequestRefusedError {
  return new RequestRefusedError(400, errorCode);
}
