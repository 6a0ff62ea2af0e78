import type { Fetch } from './backend.js';
import { browser } from './browser.js';
import { type SessionClock, systemClock } from './clock.js';
import type { SessionStateListener } from './session-keeper.js';
import { findLocalStorage, type SessionStorageAdapter } from './browser.js';

/**
 * Binds sessions to a key of this device. `keyBinding()` of `nowgg-auth-client/binding` makes it, and the client calls it.
 *
 * @param send sends a request of the ready-made routes
 * @param name of the session's entry in the storage
 * @param clock the client's source of time
 * @param storage where the session is kept; `undefined` for memory
 * @returns `send` with proofs of the key
 */
export type KeyBinding = (
  send: Fetch,
  name: string,
  clock: SessionClock,
  storage: SessionStorageAdapter | undefined,
) => Fetch;

/** Options of `configure`. */
export interface SessionClientOptions {
  /**
   * Address of the backend: https, or http on this machine. Relative addresses passed to `fetch` are resolved against
   * it. In a page it may be relative.
   */
  readonly baseUrl: string | URL;
  /** Path of the ready-made routes below {@link baseUrl}. Default `auth`. */
  readonly path?: string;
  /**
   * Origins that may receive the token, such as `https://api.example.com`; exact origins, no patterns. Default: the
   * origin of {@link baseUrl}.
   */
  readonly allowedOrigins?: readonly string[];
  /** Allows plain http to other machines, where anyone on the network path can read the token. Default false. */
  readonly allowInsecure?: boolean;
  /**
   * Storage in which the session survives a reload, shared by all tabs: `localStorage` or an adapter. Default `memory`:
   * the session ends with the page. If the browser denies `localStorage`, the client uses `memory`.
   */
  readonly storage?: 'memory' | 'localStorage' | SessionStorageAdapter;
  /**
   * Binds new sessions to a key of this device: `keyBinding()` of `nowgg-auth-client/binding`. Default: sessions are not
   * bound.
   */
  readonly binding?: KeyBinding;
  /** The `fetch` to use. Default: the platform's. It must honour `redirect: 'manual'`. */
  readonly fetch?: Fetch;
  /** Time limit for the backend to answer a request of this package, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  readonly onSessionStateChange?: SessionStateListener;
  /** Clock for tests. Default: the machine's clock. */
  readonly clock?: SessionClock;
}

/** The options with all defaults applied. */
export interface ResolvedOptions {
  readonly baseUrl: URL;
  readonly routes: URL;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly storage: SessionStorageAdapter | undefined;
  readonly send: Fetch;
  readonly timeoutMs: number;
  readonly clock: SessionClock;
}

/** @throws TypeError for an unusable address, origin or time limit; the message names the option, never its value */
export function resolveOptions(options: SessionClientOptions): ResolvedOptions {
  const { path = 'auth', allowInsecure, storage, timeoutMs = 10_000, clock = systemClock } = options;
  const baseUrl = new URL(withSlash(String(options.baseUrl)), browser.location?.href);
  const allowedOrigins = new Set((options.allowedOrigins ?? [baseUrl.origin]).map(readOrigin));
  // The backend receives the session handle even if its origin is not in `allowedOrigins`.
  if (!allowInsecure && [baseUrl.origin, ...allowedOrigins].some(isInsecure))
    throw new TypeError('plain http needs allowInsecure');
  if (!(timeoutMs > 0)) throw new TypeError('timeoutMs must be positive');
  return {
    baseUrl,
    routes: new URL(withSlash(path), baseUrl),
    allowedOrigins,
    storage: storage === 'localStorage' ? findLocalStorage() : storage === 'memory' ? undefined : storage,
    // Looked up at each call, because instrumentation may have replaced it in the meantime.
    send: options.fetch ?? (async (input, init) => globalThis.fetch(input, init)),
    timeoutMs,
    clock,
  };
}

const withSlash = (address: string) => (address.endsWith('/') ? address : `${address}/`);

/** An exact origin. URL parsers accept more, and take patterns such as `*.good.com` for hosts, which match nothing. */
const exactOrigin = /^https?:\/\/[^\s/\\@?#*,%]+\/?$/i;
const isInsecure = (origin: string) =>
  origin.startsWith('http:') && !/^http:..(localhost|127(\.\d+){3}|\[::1\])(:|$)/.test(origin);

function readOrigin(text: string): string {
  if (!exactOrigin.test(text)) throw new TypeError('allowedOrigins must be exact origins');
  return new URL(text).origin;
}
