import { browser, type DatabaseRequest, type KeyDatabase } from './browser.js';

const generate = async () => crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);

type KeyPair = Awaited<ReturnType<typeof generate>>;

const described = async ({ privateKey, publicKey }: KeyPair) => {
  const { x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  return { privateKey, x, y };
};

/** A P-256 key that cannot be read out, with the coordinates of its public part. The first one names it. */
export type DeviceKey = Awaited<ReturnType<typeof described>>;

/** Keeps the key of one session name. */
export interface DeviceKeys {
  /** @returns `undefined` when there is none @throws when the storage cannot tell */
  find(): Promise<DeviceKey | undefined>;
  /** As `find`, after a key was made where there was none. */
  make(): Promise<DeviceKey | undefined>;
}

/** A key that ends with the page, as the session does. */
export function keyInMemory(): DeviceKeys {
  let key: Promise<DeviceKey> | undefined;
  return { find: async () => key, make: async () => (key ??= generate().then(described)) };
}

const databaseName = 'nowgg-auth';
const storeName = 'keys';

const settled = async <T>(request: DatabaseRequest<T>) =>
  new Promise<T>((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error));
  });

const withKeys = async <T>(work: (database: KeyDatabase) => Promise<T>) => {
  const opening = browser.indexedDB?.open(databaseName);
  if (!opening) throw new TypeError('IndexedDB is missing');
  opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore(storeName));
  const database = await settled(opening);
  // Not kept open: it would stand in the way of a deletion.
  return work(database).finally(() => database.close());
};

/** A key in IndexedDB, the same for all tabs. It is read for each use: a key that is not stored is not used. */
export function keyInDatabase(name: string): DeviceKeys {
  const find: DeviceKeys['find'] = async () => {
    const pair = await withKeys(async (database) =>
      settled(database.transaction(storeName).objectStore(storeName).get(name)),
    );
    return pair ? described(pair as KeyPair) : undefined;
  };
  /** Of several tabs one adds its key; the transactions of the others are aborted. */
  const add = async (pair: KeyPair) =>
    withKeys(
      async (database) =>
        new Promise<void>((resolve) => {
          const adding = database.transaction(storeName, 'readwrite', { durability: 'strict' });
          adding.objectStore(storeName).add(pair, name);
          for (const end of ['complete', 'abort'] as const) adding.addEventListener(end, () => resolve());
        }),
    );
  return {
    find,
    make: async () => {
      if (!(await find())) await add(await generate());
      return find();
    },
  };
}
