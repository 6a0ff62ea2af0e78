import { describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, boolean, constantFrom, nat, oneof, record } from 'fast-check';
import { Bulkhead, type Leave } from './bulkhead.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { settled } from '../tokens/testing-support/token-service-under-test.js';
import { propertyRuns } from '../testing-support/property-runs.js';

describe('a bulkhead', () => {
  it('turns a visitor away at once when every place is taken and there is no room to wait', () => {
    const bulkhead = new Bulkhead(new ManualClock(), { places: 2 });
    const leave = bulkhead.tryEnter({});
    bulkhead.tryEnter({});
    expect(bulkhead.enter({}, 1_000)).toBeUndefined();
    leave?.();
    expect(bulkhead.tryEnter({})).toBeDefined();
  });

  it('keeps reserved places free of all others', () => {
    const bulkhead = new Bulkhead(new ManualClock(), { places: 4, unreserved: 2 });
    const entered = Array.from({ length: 4 }, () => bulkhead.tryEnter({}));
    expect(entered.filter(Boolean)).toHaveLength(2);
    expect(bulkhead.tryEnter({ reserved: true })).toBeDefined();
    expect(bulkhead.tryEnter({ reserved: true })).toBeDefined();
    expect(bulkhead.tryEnter({ reserved: true })).toBeUndefined();
  });

  it('gives one name no more than its bound, and lets the others past its waiters', async () => {
    const bulkhead = new Bulkhead(new ManualClock(), { places: 4, each: 1, waiting: 4 });
    const first = bulkhead.tryEnter({ name: 'a' });
    const second = bulkhead.enter({ name: 'a' }, 1_000);
    expect(bulkhead.enter({ name: 'a' }, 1_000)).toBeUndefined();
    expect(bulkhead.tryEnter({ name: 'b' })).toBeDefined();
    first?.();
    expect(await second).toBeDefined();
  });

  it('serves waiters in order, those with a reserved place first', async () => {
    const bulkhead = new Bulkhead(new ManualClock(), { places: 1, waiting: 4 });
    const order: string[] = [];
    const holder = bulkhead.tryEnter({});
    const visit = async (label: string, reserved: boolean) => {
      const leave = await bulkhead.enter({ reserved }, 1_000);
      order.push(label);
      leave?.();
    };
    const visits = [visit('one', false), visit('two', false), visit('known', true)];
    holder?.();
    await Promise.all(visits);
    expect(order).toEqual(['known', 'one', 'two']);
  });

  it('lets a waiter go without a place when its time is over', async () => {
    const clock = new ManualClock();
    const bulkhead = new Bulkhead(clock, { places: 1, waiting: 4 });
    const holder = bulkhead.tryEnter({});
    const waiting = bulkhead.enter({}, 1_000);
    clock.advance(1_000);
    expect(await waiting).toBeUndefined();
    holder?.();
    expect(bulkhead.tryEnter({})).toBeDefined();
  });

  it('never exceeds a bound and strands no waiter, whatever comes and goes', async () => {
    const visitor = record({ name: constantFrom('a', 'b', undefined), reserved: boolean() });
    await assert(
      asyncProperty(array(oneof(visitor, nat(9)), { maxLength: 60 }), async (steps) => {
        const bulkhead = new Bulkhead(new ManualClock(), { places: 4, unreserved: 2, each: 2, waiting: 8 });
        const inside: { leave: Leave; name: string | undefined; reserved: boolean }[] = [];
        let waiting = 0;
        for (const step of steps) {
          if (typeof step === 'number') inside.splice(step, 1)[0]?.leave();
          else {
            const entry = bulkhead.enter(step, 1_000);
            const admitted = (leave: Leave | undefined) => leave && inside.push({ leave, ...step });
            if (entry instanceof Promise) {
              waiting += 1;
              void (async () => {
                admitted(await entry);
                waiting -= 1;
              })();
            } else admitted(entry);
          }
          await settled();
          expect(inside.length).toBeLessThanOrEqual(4);
          expect(inside.filter(({ reserved }) => !reserved).length).toBeLessThanOrEqual(2);
          for (const name of ['a', 'b']) {
            expect(inside.filter((one) => one.name === name).length).toBeLessThanOrEqual(2);
          }
        }
        while (inside.length > 0) {
          inside.pop()?.leave();
          await settled();
        }
        expect(waiting).toBe(0);
      }),
      { numRuns: propertyRuns(50) },
    );
  });
});
