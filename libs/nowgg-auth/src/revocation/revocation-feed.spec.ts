import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityUnavailableError } from '../errors.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { captureSecurityEvents } from '../testing-support/security-events.js';
import { SharedRevocationStore } from '../testing-support/shared-revocation-store.js';
import { RevocationFeed } from './revocation-feed.js';

let clock: ManualClock;
let store: SharedRevocationStore;
let feed: RevocationFeed;

beforeEach(() => {
  clock = new ManualClock();
  store = new SharedRevocationStore();
  feed = new RevocationFeed(store, clock);
});
afterEach(() => feed.close());

/** Lets seconds pass, and everything that becomes due in each. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    clock.advance(1_000);
    for (let turn = 0; turn < 10; turn += 1) await setImmediate();
  }
}

async function start(): Promise<void> {
  const started = feed.start();
  await pass(6);
  await started;
}

describe('the feed of revocations', () => {
  it('tells its age, and one event each when it becomes too old and when it is read again', async () => {
    using events = captureSecurityEvents();
    await start();
    expect(feed.ageMs).toBeLessThanOrEqual(1_000);
    store.broken = true;
    await pass(60);
    expect(feed.ageMs).toBeGreaterThanOrEqual(59_000);
    expect(feed.isCurrentAt(clock.monotonicNow())).toBe(false);
    expect(events.seen).toEqual([{ type: 'revocations_unread' }]);
    store.broken = false;
    await pass(30);
    expect(feed.ageMs).toBeLessThanOrEqual(1_000);
    expect(events.seen).toEqual([{ type: 'revocations_unread' }, { type: 'revocations_unread', detail: 'over' }]);
  });

  it('has no age before the first complete reading, and tells that it cannot be read', async () => {
    using events = captureSecurityEvents();
    store.broken = true;
    await start();
    await pass(20);
    expect([feed.isLoaded, feed.ageMs, feed.size]).toEqual([false, undefined, 0]);
    expect(events.seen).toEqual([{ type: 'revocations_unread' }]);
  });

  it('is loaded after a load that a fault interrupted only when it has read what was written meanwhile', async () => {
    const bans = ['first', 'second'].map((id) => {
      return { provider: 'nowgg', kind: 'user', id, issuedUntilMs: clock.now(), refusedUntilMs: undefined } as const;
    });
    await store.putMany(bans);
    store.pageSize = 1;
    const loadedAt: boolean[] = [];
    store.beforePage = async () => {
      loadedAt.push(feed.isLoaded);
      if (loadedAt.length === 2) throw new IdentityUnavailableError();
    };
    await start();
    await pass(1);
    // Page 1, page 2 in vain, page 2, and the changes since the load began.
    expect(loadedAt.slice(0, 4)).toEqual([false, false, false, false]);
    expect(feed.isLoaded).toBe(true);
  });
});
