/** The part of IndexedDB that tests of keys use. */
interface Databases {
  open(name: string): EventTarget;
  deleteDatabase(name: string): EventTarget;
}

const globals = globalThis as unknown as { indexedDB?: Databases };
const databaseName = 'nowgg-auth';

/** What a test does to the IndexedDB of the page. */
export interface KeyDatabaseUnderTest {
  /** All that it has is gone, as after the player has cleared the data of the site. */
  clear(): Promise<void>;
  /** Runs work while the browser denies IndexedDB, in one of the ways in which browsers do. */
  without(how: 'absent' | 'denied' | 'full' | 'silent', work: () => Promise<void>): Promise<void>;
}

/** Runs work with an empty IndexedDB: in a browser the real one, in Node.js one that is made for the time of the work. */
export async function withKeyDatabase(work: (database: KeyDatabaseUnderTest) => Promise<void>): Promise<void> {
  const isBrowser = globals.indexedDB !== undefined;
  if (!isBrowser) globals.indexedDB = new MemoryDatabases();
  const clear = async () => {
    await settled(globals.indexedDB?.deleteDatabase(databaseName));
  };
  try {
    await clear();
    await work({ clear, without });
  } finally {
    if (isBrowser) await clear();
    else delete globals.indexedDB;
  }
}

const settled = async (request: EventTarget | undefined) =>
  new Promise<void>((resolve, reject) => {
    request?.addEventListener('success', () => resolve());
    request?.addEventListener('error', () => reject(new Error('IndexedDB does not do it')));
  });

const without: KeyDatabaseUnderTest['without'] = async (how, work) => {
  const real = Object.getOwnPropertyDescriptor(globalThis, 'indexedDB') as PropertyDescriptor;
  const get = () => {
    if (how === 'denied') throw new DOMException('denied', 'SecurityError');
    if (how === 'absent') return undefined;
    return { open: () => (how === 'full' ? ended('error') : new EventTarget()) };
  };
  Object.defineProperty(globalThis, 'indexedDB', { configurable: true, get });
  try {
    await work();
  } finally {
    Object.defineProperty(globalThis, 'indexedDB', real);
  }
};

const soon = globalThis.setImmediate ?? setTimeout;

/** A request that has this end in the next turn of the event loop, after its work. */
function ended<T extends object>(event: string, values?: T, work?: (request: EventTarget & T) => void) {
  const request = Object.assign(new EventTarget(), values);
  soon(() => {
    work?.(request);
    request.dispatchEvent(new Event(event));
  });
  return request;
}

/** IndexedDB in memory, with the order of events that a browser has: requests one after the other, then the commit. */
class MemoryDatabases implements Databases {
  readonly #databases = new Map<string, Map<string, Map<string, unknown>>>();

  open(name: string) {
    let stores = new Map<string, Map<string, unknown>>();
    const createObjectStore = (store: string) => void stores.set(store, new Map());
    const transaction = (store: string) => transactionOn(stores.get(store));
    return ended('success', { result: { createObjectStore, transaction, close: () => {} } }, (request) => {
      const found = this.#databases.get(name);
      stores = found ?? stores;
      if (found) return;
      this.#databases.set(name, stores);
      request.dispatchEvent(new Event('upgradeneeded'));
    });
  }

  deleteDatabase(name: string) {
    return ended('success', {}, () => this.#databases.delete(name));
  }
}

function transactionOn(entries: Map<string, unknown> | undefined) {
  if (!entries) throw new DOMException('no such store', 'NotFoundError');
  const get = (name: string) =>
    ended('success', { result: undefined as unknown }, (request) => {
      request.result = entries.get(name);
    });
  const add = (value: unknown, name: string) => {
    soon(() => {
      const isTaken = entries.has(name);
      if (!isTaken) entries.set(name, value);
      transaction.dispatchEvent(new Event(isTaken ? 'abort' : 'complete'));
    });
  };
  const transaction = Object.assign(new EventTarget(), { objectStore: () => ({ get, add }) });
  return transaction;
}
