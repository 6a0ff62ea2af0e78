import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { LoggedRevocationStore } from '../testing-support/logged-revocation-store.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { TokenLives } from './marks/token-lives.js';
import { Watermarks } from './marks/watermarks.js';
import { RevocationNews } from './revocation-news.js';

const clock = new ManualClock();
const PAGE = 2_000;
let store: LoggedRevocationStore;
let watermarks: Watermarks;
let closing: AbortController;
let news: RevocationNews;

beforeEach(() => {
  store = new LoggedRevocationStore();
  store.pageSize = PAGE;
  for (let n = 0; n < 3 * PAGE; n += 1) {
    store.write({
      provider: 'nowgg',
      kind: 'user',
      id: `user-${n}`,
      issuedUntilMs: clock.now(),
      refusedUntilMs: undefined,
    });
  }
  const lives = new TokenLives();
  watermarks = new Watermarks(lives);
  closing = new AbortController();
  news = new RevocationNews({ store, clock, lives, watermarks, signal: closing.signal });
});

/** How many watermarks were known when each page was requested. */
function knownAtRequests(): number[] {
  const known: number[] = [];
  store.at = async (statement, step) => {
    if (statement === 'read' && step === 'send') known.push(watermarks.size);
  };
  return known;
}

describe('a reading of many watermarks', () => {
  it('requests each page before it applies the one before', async () => {
    const known = knownAtRequests();
    await news.read();
    // After the load, what was written meanwhile.
    expect(known).toEqual([0, 0, PAGE, 3 * PAGE]);
  });

  it('gives other work its turn after at most 500 of them', async () => {
    const sizes = [0];
    const reading = news.read();
    while (watermarks.size < 3 * PAGE) {
      await nextTurn();
      sizes.push(watermarks.size);
    }
    await reading;
    const steps = sizes.slice(1).map((size, index) => size - (sizes[index] as number));
    expect(Math.max(...steps)).toBe(500);
  });

  it('goes on after a page that failed, with that page', async () => {
    let pages = 0;
    store.at = async (statement, step) => {
      if (statement === 'read' && step === 'send' && (pages += 1) === 2) throw new Error('the store is away');
    };
    await expect(news.read()).rejects.toThrow('away');
    expect([watermarks.size, news.completeAt]).toEqual([PAGE, undefined]);
    await news.read();
    // Page 1, page 2 in vain, pages 2 and 3, and what was written meanwhile.
    expect([watermarks.size, pages]).toEqual([3 * PAGE, 5]);
  });

  it('ends within a page, and is not complete then', async () => {
    const known = knownAtRequests();
    const reading = news.read();
    while (watermarks.size === 0) await nextTurn();
    closing.abort();
    await reading;
    expect(watermarks.size).toBeLessThan(PAGE);
    expect([known.length, news.completeAt]).toEqual([2, undefined]);
  });
});
