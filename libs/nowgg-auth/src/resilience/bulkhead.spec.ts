import { describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, boolean, constantFrom, nat, oneof, record } from 'fast-check';
import { Bulkhead } from './bulkhead.js';
import type { Leave } from './visitor.js';
import { CallRate } from './call-rate.js';
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

  it('lets the names of waiters take turns', async () => {
    const bulkhead = new Bulkhead(new ManualClock(), { places: 1, waiting: 8 });
    const order: string[] = [];
    const holder = bulkhead.tryEnter({});
    const visits = ['a', 'a', 'a', 'b', 'c'].map(async (name) => {
      const leave = await bulkhead.enter({ name }, 1_000);
      order.push(name);
      leave?.();
    });
    holder?.();
    await Promise.all(visits);
    expect(order).toEqual(['a', 'b', 'c', 'a', 'a']);
  });

  it('does not let a visitor that comes later pass one that waits', async () => {
    const clock = new ManualClock();
    const rate = new CallRate({ clock, limits: { perSecond: 1, burst: 1 } });
    const bulkhead = new Bulkhead(clock, { places: 9, waiting: 9 }, rate);
    bulkhead.tryEnter({});
    const first = bulkhead.enter({}, 10_000);
    clock.advance(1_000);
    const second = bulkhead.enter({}, 10_000);
    expect(await first).toBeDefined();
    expect(second).toBeInstanceOf(Promise);
    clock.advance(1_000);
    expect(await second).toBeDefined();
  });

  it('does not let one in that gives way while another waits, and lets it not wait', () => {
    const bulkhead = new Bulkhead(new ManualClock(), { places: 2, unreserved: 1, waiting: 9 });
    bulkhead.tryEnter({});
    void bulkhead.enter({}, 1_000);
    expect(bulkhead.enter({ reserved: true, yields: true }, 1_000)).toBeUndefined();
    expect(bulkhead.tryEnter({ reserved: true })).toBeDefined();
  });

  it('gives neither a place nor room to wait to visitors whose callers have gone', async () => {
    const clock = new ManualClock();
    const bulkhead = new Bulkhead(clock, { places: 1, waiting: 100 });
    let areGone = false;
    const holder = bulkhead.tryEnter({});
    const gone = Array.from({ length: 100 }, () => bulkhead.enter({ isGone: () => areGone }, 10_000));
    expect(bulkhead.enter({}, 10_000)).toBeUndefined();
    areGone = true;
    clock.advance(50);
    const stays = bulkhead.enter({}, 10_000);
    for (const left of gone) expect(await left).toBeUndefined();
    const last = bulkhead.enter({ isGone: () => areGone }, 10_000);
    holder?.();
    const leave = await stays;
    expect(leave).toBeDefined();
    leave?.();
    expect(await last).toBeUndefined();
  });

  it('tells how long a wait would be, by the rate or by the visitors that entered lately', () => {
    const clock = new ManualClock();
    const places = new Bulkhead(clock, { places: 1, waiting: 100 });
    expect(places.expectedWaitMs({})).toBeUndefined();
    for (let visit = 0; visit < 20; visit += 1) places.tryEnter({})?.();
    places.tryEnter({});
    for (let waiter = 0; waiter < 41; waiter += 1) void places.enter({}, 10_000);
    expect(places.expectedWaitMs({})).toBe(4_000);
    expect(places.expectedWaitMs({ reserved: true })).toBeLessThan(100);
    const rate = new CallRate({ clock, limits: { perSecond: 10, burst: 1 } });
    const rated = new Bulkhead(clock, { places: 99, waiting: 99 }, rate);
    rated.tryEnter({});
    for (let waiter = 0; waiter < 19; waiter += 1) void rated.enter({}, 10_000);
    expect(rated.expectedWaitMs({})).toBe(2_000);
    // It would wait in vain.
    expect(rated.enter({}, 1_900)).toBeUndefined();
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

  it('keeps the rate and strands no waiter, whatever comes and goes', async () => {
    const visitor = record({ name: constantFrom('a', 'b', undefined), reserved: boolean() });
    await assert(
      asyncProperty(array(oneof(visitor, nat(400)), { maxLength: 60 }), async (steps) => {
        const clock = new ManualClock();
        const startedAt = clock.monotonicNow();
        const rate = new CallRate({ clock, limits: { perSecond: 10, burst: 4 } });
        const bulkhead = new Bulkhead(clock, { places: 50, waiting: 50 }, rate);
        let entered = 0;
        let ended = 0;
        let begun = 0;
        for (const step of steps) {
          if (typeof step === 'number') clock.advance(step);
          else {
            begun += 1;
            void (async () => {
              const leave = await bulkhead.enter(step, 2_000);
              if (leave) entered += 1;
              leave?.();
              ended += 1;
            })();
          }
          await settled();
          expect(entered).toBeLessThanOrEqual(4 + ((clock.monotonicNow() - startedAt) * 10) / 1_000 + 1e-6);
        }
        for (let step = 0; step < 25; step += 1) {
          clock.advance(100);
          await settled();
        }
        expect(ended).toBe(begun);
      }),
      { numRuns: propertyRuns(50) },
    );
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
