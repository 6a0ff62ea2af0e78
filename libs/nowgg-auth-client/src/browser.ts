/**
 * Where a session survives a reload. `window.localStorage` is one; methods may be asynchronous. Whoever can read it has
 * the session. A storage that cannot be written is left alone from then on, and the session lives in memory.
 */
export interface SessionStorageAdapter {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): void | Promise<void>;
  removeItem(key: string): void | Promise<void>;
}

/** The part of the Web Locks API that is used. */
export interface Locks {
  request(
    name: string,
    options: { ifAvailable?: boolean; signal?: AbortSignal },
    work: (lock: unknown) => unknown,
  ): Promise<unknown>;
}

interface Channel {
  postMessage(message: unknown): void;
  close(): void;
  addEventListener(type: 'message', listener: () => void, until: Until): void;
  unref?(): void;
}

/** Options of `addEventListener`; an AbortController is one, as it has a signal. */
interface Until {
  readonly signal: AbortSignal;
}

type Listening = (type: string, listener: (event: { key?: string | null }) => void, until: Until) => void;

/** What a browser has and Node.js may lack. Typed here, so that the package needs neither's types. */
export interface Browser {
  readonly localStorage?: SessionStorageAdapter;
  readonly location?: { readonly href: string };
  readonly navigator?: { readonly locks?: Locks };
  readonly BroadcastChannel?: new (name: string) => Channel;
  readonly addEventListener?: Listening;
}

export const browser = globalThis as unknown as Browser;

/** The browser's `localStorage`; `undefined` where there is none or the browser denies it, as it may by a setting. */
export function findLocalStorage(): SessionStorageAdapter | undefined {
  try {
    return browser.localStorage;
  } catch {
    return undefined;
  }
}
