import type { Fetch } from './backend.js';
import { browser } from './browser.js';
import { type SessionClock, systemClock } from './clock.js';
import type { SessionStateListener } from './session-keeper.js';
import { findLocalStorage, type SessionStorageAdapter } from './browser.js';

/** What `configure` takes. */
export interface SessionClientOptions {
  /**
   * Where the backend is: an https address, or http on this machine. Relative addresses given to `fetch` are resolved
   * against it. In a page it may be relative.
   */
  readonly baseUrl: string | URL;
  /** Path of the ready-made routes below {@link baseUrl}. Default `auth`. */
  readonly path?: string;
  /**
   * The origins that may get the token, such as `https://api.example.com`; exact ones, no patterns. Default: the origin of
   * {@link baseUrl}.
   */
  readonly allowedOrigins?: readonly string[];
  /** Allows plain http beyond this machine, where anyone on the way can read the token. Default false. */
  readonly allowInsecure?: boolean;
  /**
   * Where the session survives a reload, shared by all tabs: `localStorage` or an adapter. Default `memory`: it ends
   * with the page. A denied `localStorage` is as `memory`.
   */
  readonly storage?: 'memory' | 'localStorage' | SessionStorageAdapter;
  /** Default: the platform's. It must honour `redirect: 'manual'`. */
  readonly fetch?: Fetch;
  /** How long the backend may take to answer a request of this package, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  readonly onSessionStateChange?: SessionStateListener;
  /** For tests. Default: the machine's. */
  readonly clock?: SessionClock;
}

/** The options with nothing left open. */
export interface ResolvedOptions {
  readonly baseUrl: URL;
  readonly routes: URL;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly storage: SessionStorageAdapter | undefined;
  readonly send: Fetch;
  readonly timeoutMs: number;
  readonly clock: SessionClock;
}

/** @throws TypeError for an address, origin or time limit that cannot be used; names the option, never its value */
export function resolveOptions(options: SessionClientOptions): ResolvedOptions {
  const { path = 'auth', allowInsecure, storage, timeoutMs = 10_000, clock = systemClock } = options;
  const baseUrl = new URL(withSlash(String(options.baseUrl)), browser.location?.href);
  const allowedOrigins = new Set((options.allowedOrigins ?? [baseUrl.origin]).map(readOrigin));
  // A backend that is not among the origins gets the session handle all the same.
  if (!allowInsecure && [baseUrl.origin, ...allowedOrigins].some(isInsecure))
    throw new TypeError('plain http needs allowInsecure');
  if (!(timeoutMs > 0)) throw new TypeError('timeoutMs must be positive');
  return {
    baseUrl,
    routes: new URL(withSlash(path), baseUrl),
    allowedOrigins,
    storage: storage === 'localStorage' ? findLocalStorage() : storage === 'memory' ? undefined : storage,
    // Looked up at each call, as instrumentation may have replaced it since.
    send: options.fetch ?? (async (input, init) => globalThis.fetch(input, init)),
    timeoutMs,
    clock,
  };
}

const withSlash = (address: string) => (address.endsWith('/') ? address : `${address}/`);

/** An exact origin. Parsers forgive more, and take patterns such as `*.good.com` for hosts, which match nothing. */
const exactOrigin = /^https?:\/\/[^\s/\\@?#*,%]+\/?$/i;
const isInsecure = (origin: string) =>
  origin.startsWith('http:') && !/^http:..(localhost|127(\.\d+){3}|\[::1\])(:|$)/.test(origin);

function readOrigin(text: string): string {
  if (!exactOrigin.test(text)) throw new TypeError('allowedOrigins must be exact origins');
  return new URL(text).origin;
}
