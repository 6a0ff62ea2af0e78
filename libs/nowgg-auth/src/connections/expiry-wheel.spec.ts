import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, integer, record } from 'fast-check';
import { ManualClock } from '../testing-support/manual-clock.js';
import { ExpiryWheel } from './expiry-wheel.js';

interface Item {
  readonly dueMs: number;
}

describe('ExpiryWheel', () => {
  function wheel() {
    const clock = new ManualClock();
    const due: Item[] = [];
    const items = new ExpiryWheel<Item>(clock, (item) => due.push(item));
    const advance = async (ms: number) => {
      // The wait of the wheel begins first.
      await nextTurn();
      clock.advance(ms);
      for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    };
    return { clock, due, items, advance };
  }

  it('handles an item when its time has come, and not before', async () => {
    const { clock, due, items, advance } = wheel();
    const item = { dueMs: clock.now() + 1_000 };
    items.add(item);
    await advance(900);
    expect(due).toEqual([]);
    await advance(150);
    expect(due).toEqual([item]);
    expect(items.size).toBe(0);
  });

  it('forgets a removed item', async () => {
    const { clock, due, items, advance } = wheel();
    const item = { dueMs: clock.now() + 100 };
    items.add(item);
    items.remove(item);
    items.remove(item);
    await advance(1_000);
    expect([due, items.size]).toEqual([[], 0]);
  });

  it('finds all items after a clock that stood still for days', async () => {
    const { clock, due, items, advance } = wheel();
    const all = Array.from({ length: 3_000 }, (_, at) => ({ dueMs: clock.now() + at * 1_000 }));
    for (const item of all) items.add(item);
    await advance(30 * 24 * 3_600_000);
    expect(due).toHaveLength(3_000);
  });

  it('works again after it was empty', async () => {
    const { clock, due, items, advance } = wheel();
    for (const _ of [1, 2]) {
      items.add({ dueMs: clock.now() + 100 });
      await advance(200);
      await advance(10_000);
    }
    expect(due).toHaveLength(2);
  });

  it('handles each of any items once, within a tick of its time', async () => {
    const steps = array(
      record({ dueMs: integer({ min: 1, max: 200_000 }), waitMs: integer({ min: 1, max: 70_000 }) }),
      {
        maxLength: 20,
      },
    );
    await assert(
      asyncProperty(steps, async (planned) => {
        const { clock, due, items, advance } = wheel();
        const added: Item[] = [];
        for (const { dueMs, waitMs } of planned) {
          const item = { dueMs: clock.now() + dueMs };
          added.push(item);
          items.add(item);
          await advance(waitMs);
          const late = added.filter((each) => each.dueMs <= clock.now() - 50 && !due.includes(each));
          expect(late).toEqual([]);
          expect(due.filter((each) => each.dueMs > clock.now())).toEqual([]);
        }
        await advance(300_000);
        await advance(100);
        expect(new Set(due)).toEqual(new Set(added));
        expect(due).toHaveLength(added.length);
      }),
      { numRuns: 30 },
    );
  });
});
