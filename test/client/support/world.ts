import {
  configure,
  type SessionClient,
  type SessionClientOptions,
  type SessionClock,
  type SessionState,
  type SessionStorageAdapter,
} from 'nowgg-auth-client';
import { BackendControls } from './backend-controls.js';

export const startMs = 1_800_000_000_000;
export const lifeMs = 100_000;

/** A manual clock for the client's own interface, which has timers with a callback. Short waits, as between two looks at a lease, also end by themselves. */
export class ManualSessionClock implements SessionClock {
  #now: number;
  readonly #waits = new Set<{ readonly at: number; readonly callback: () => void }>();

  constructor(now = startMs) {
    this.#now = now;
  }

  /** Number of waits that have not ended. */
  get waiting(): number {
    return this.#waits.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const wait = { at: this.#now + ms, callback: () => this.#waits.delete(wait) && callback() };
    this.#waits.add(wait);
    const timer = ms < 500 ? setTimeout(wait.callback, ms) : undefined;
    return () => {
      clearTimeout(timer);
      this.#waits.delete(wait);
    };
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const { at, callback } of this.#waits) if (at <= this.#now) callback();
  }
}

/** A storage that several clients share, as tabs share `localStorage`. */
export function sharedStorage(items = new Map<string, string>()): SessionStorageAdapter & { items: typeof items } {
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

/** A page or process with clients, a backend and a second origin. */
export class World {
  readonly clock = new ManualSessionClock();
  readonly backend: BackendControls;
  readonly other: BackendControls;
  readonly url: string;
  readonly otherUrl: string;
  readonly #clients: SessionClient[] = [];

  constructor(url: string, otherUrl: string) {
    this.url = url;
    this.otherUrl = otherUrl;
    this.backend = new BackendControls(url);
    this.other = new BackendControls(otherUrl);
  }

  /** Both backends as if nothing had been. */
  async reset(): Promise<void> {
    await this.backend.reset(startMs, lifeMs);
    await this.other.reset(startMs, lifeMs);
  }

  /** A client, with a list of what its listener heard. */
  client(options: Partial<SessionClientOptions> = {}): SessionClient & { heard: string[] } {
    const heard: string[] = [];
    const onSessionStateChange = (state: SessionState, reason: string) => void heard.push(`${state} ${reason}`);
    const made = configure({ baseUrl: this.url, clock: this.clock, onSessionStateChange, ...options });
    this.#clients.push(made);
    return Object.defineProperty(made, 'heard', { value: heard }) as SessionClient & { heard: string[] };
  }

  /** A client with a player signed in. */
  async signedIn(options: Partial<SessionClientOptions> = {}) {
    const client = this.client(options);
    await client.ready;
    await client.login('code-of-asha');
    return client;
  }

  /** Lets time pass here and at the backend. */
  async advance(ms: number): Promise<void> {
    await this.backend.advance(ms);
    this.clock.advance(ms);
  }

  async refreshCount(): Promise<number> {
    return (await this.backend.requests('/auth/refresh')).length;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}
