import { browser, type Locks } from './browser.js';
import { type SessionClock, within } from './clock.js';
import type { SessionStorageAdapter } from './browser.js';

/**
 * Runs work that only one tab should do at a time. The work is told whether another tab was busy with it before. If the
 * lock is not released in time, the work runs without it: the backend can handle two refreshes, but the player cannot
 * do without one.
 */
export type TabLock = <T>(work: (waited: boolean) => Promise<T>) => Promise<T>;

/**
 * @param storage storage that the tabs share; when absent, the tabs share nothing and the work does not wait
 * @param waitMs longer than the work can take
 */
export function tabLock(
  key: string,
  storage: SessionStorageAdapter | undefined,
  waitMs: number,
  clock: SessionClock,
): TabLock {
  if (!storage) return async (work) => work(false);
  const locks = browser.navigator?.locks;
  return locks ? webLock(key, locks, waitMs, clock) : leaseLock(key, storage, waitMs, clock);
}

/** A Web Lock, which the browser releases when the tab dies. */
function webLock(key: string, locks: Locks, waitMs: number, clock: SessionClock): TabLock {
  return async <T>(work: (waited: boolean) => Promise<T>): Promise<T> => {
    let running: Promise<T> | undefined;
    const run = async (waited: boolean) => {
      running = work(waited);
      // The lock does not depend on whether the work succeeds.
      await running.catch(() => {});
    };
    const waiting = new AbortController();
    const cancel = clock.after(waitMs, () => waiting.abort());
    try {
      await locks.request(key, { ifAvailable: true }, async (lock) => (lock ? run(false) : undefined));
      if (!running) await locks.request(key, { signal: waiting.signal }, async () => run(true));
    } catch {
      // The wait was too long, or the page may not use locks, as in a sandboxed frame.
    } finally {
      cancel();
    }
    return running ?? work(true);
  };
}

const pollMs = 50;
const settleMs = 20;

/**
 * A lease for browsers without Web Locks: an owner and an end time, written to the storage. Two tabs that write at the
 * same moment find out by reading again; a tab that dies leaves a lease that expires.
 */
function leaseLock(key: string, storage: SessionStorageAdapter, waitMs: number, clock: SessionClock): TabLock {
  const leaseKey = `${key} lease`;
  const pause = async (ms: number) => within(clock, ms, new Promise<never>(() => {}));
  const holder = async () => {
    const [owner, until] = String(await storage.getItem(leaseKey)).split(' ');
    const leftMs = Number(until) - clock.now();
    // A lease that ends later than any can was written by another clock, or not by this package.
    return leftMs > 0 && leftMs <= waitMs ? owner : undefined;
  };
  const acquire = async (own: string) => {
    let waited = false;
    for (let passedMs = 0; passedMs < waitMs; passedMs += pollMs) {
      if (!(await holder())) {
        await storage.setItem(leaseKey, `${own} ${clock.now() + waitMs}`);
        await pause(settleMs);
        if ((await holder()) === own) return waited;
      }
      waited = true;
      await pause(pollMs);
    }
    return true;
  };
  return async (work) => {
    const own = uniqueName();
    // A storage that fails here also fails in the keeper, which handles the failure.
    const waited = await acquire(own).catch(() => true);
    try {
      return await work(waited);
    } finally {
      if ((await holder().catch(() => undefined)) === own) await storage.removeItem(leaseKey);
    }
  };
}

/** A unique name, but not a secret. `crypto.randomUUID` is missing on pages without TLS. */
export const uniqueName = () => randomText(3);

/** Random text of 32 bits for each word: a secret with eight words or more. */
export const randomText = (words: number) => crypto.getRandomValues(new Uint32Array(words)).join('-');
