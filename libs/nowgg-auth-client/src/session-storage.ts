import { browser } from './browser.js';

/**
 * Where a session survives a reload. `window.localStorage` is one; methods may be asynchronous. Whoever can read it has
 * the session. A storage that cannot be written is left alone from then on, and the session lives in memory.
 */
export interface SessionStorageAdapter {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): void | Promise<void>;
  removeItem(key: string): void | Promise<void>;
}

/** The browser's `localStorage`; `undefined` where there is none or the browser denies it, as it may by a setting. */
export function findLocalStorage(): SessionStorageAdapter | undefined {
  try {
    return browser.localStorage;
  } catch {
    return undefined;
  }
}
