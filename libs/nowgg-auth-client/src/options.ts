import type { Fetch } from './backend.js';
import { browser } from './browser.js';
import { type SessionClock, systemClock } from './clock.js';
import type { SessionStateListener } from './session-keeper.js';
import { findLocalStorage, type SessionStorageAdapter } from './session-storage.js';

/** What `configure` takes. */
export interface SessionClientOptions {
  /** Where the backend is. Relative addresses given to `fetch` are resolved against it. In a page it may be relative. */
  readonly baseUrl: string | URL;
  /** Path of the ready-made routes below {@link baseUrl}. Default `auth`. */
  readonly path?: string;
  /** The origins that may get the token, such as `https://api.example.com`. Default: the origin of {@link baseUrl}. */
  readonly allowedOrigins?: readonly string[];
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

/** @throws TypeError for an address that is none, an origin that is more than one, a time limit that is none */
export function resolveOptions(options: SessionClientOptions): ResolvedOptions {
  const { path = 'auth', storage, timeoutMs = 10_000, clock = systemClock } = options;
  const baseUrl = new URL(withSlash(String(options.baseUrl)), browser.location?.href);
  const allowedOrigins = new Set((options.allowedOrigins ?? [baseUrl.origin]).map(readOrigin));
  if (!(timeoutMs > 0)) throw new TypeError('timeoutMs is not positive');
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

function readOrigin(text: string): string {
  const { origin, href } = new URL(text);
  // Whoever writes a path, or a scheme without origins, expects something else than he would get.
  if (!/^https?:/.test(origin) || href !== `${origin}/`) throw new TypeError('allowedOrigins has what is no origin');
  return origin;
}
