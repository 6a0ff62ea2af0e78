/**
 * Storage in which a session survives a reload, such as `window.localStorage`. Methods may be asynchronous. Any code
 * that can read the storage has the session. After a failed write the client stops using the storage and keeps the
 * session in memory.
 */
export interface SessionStorageAdapter {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): void | Promise<void>;
  removeItem(key: string): void | Promise<void>;
}

/** The part of the Web Locks API that the client uses. */
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

/** Options of `addEventListener`; an AbortController fits, because it has a signal. */
interface Until {
  readonly signal: AbortSignal;
}

type Listening = (type: string, listener: (event: { key?: string | null }) => void, until: Until) => void;

interface Occurring<Type> {
  addEventListener(type: Type, listener: () => void): void;
}

export interface DatabaseRequest<T> extends Occurring<'success' | 'error' | 'upgradeneeded'> {
  readonly result: T;
  readonly error: unknown;
}

/** The part of a database of IndexedDB that keeps keys. */
export interface KeyDatabase {
  createObjectStore(name: string): unknown;
  transaction(store: string, mode?: 'readwrite', options?: { durability: 'strict' }): KeyTransaction;
  close(): void;
}

interface KeyTransaction extends Occurring<'complete' | 'abort'> {
  objectStore(name: string): {
    get(name: string): DatabaseRequest<unknown>;
    add(value: unknown, name: string): unknown;
  };
}

/** Globals that a browser has and Node.js may lack. Typed here, so that the package needs the types of neither. */
export interface Browser {
  readonly localStorage?: SessionStorageAdapter;
  readonly sessionStorage?: SessionStorageAdapter;
  readonly location?: {
    readonly href: string;
    readonly pathname: string;
    readonly search: string;
    readonly hash?: string;
  };
  readonly history?: { readonly state: unknown; replaceState(state: unknown, unused: string, url: string): void };
  readonly navigator?: { readonly locks?: Locks };
  readonly indexedDB?: { open(name: string): DatabaseRequest<KeyDatabase> } | null;
  readonly BroadcastChannel?: new (name: string) => Channel;
  readonly addEventListener?: Listening;
}

export const browser = globalThis as unknown as Browser;

/** The browser's `localStorage`; `undefined` when there is none or a browser setting denies access. */
export function findLocalStorage(): SessionStorageAdapter | undefined {
  try {
    return browser.localStorage;
  } catch {
    return undefined;
  }
}
