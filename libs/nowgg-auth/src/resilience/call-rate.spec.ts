import { beforeEach, describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, constant, constantFrom, integer, oneof, property, record } from 'fast-check';
import { ManualClock } from '../testing-support/manual-clock.js';
import { propertyRuns } from '../testing-support/property-runs.js';
import { settled } from '../tokens/testing-support/token-service-under-test.js';
import { CallRate, type CallLease, type LeaseCalls } from './call-rate.js';
import { type FleetCredit, leaseFrom } from './fleet-credit.js';

const limits = { perSecond: 100, burst: 20 };
const KNOWN = { reserved: true };
const RENEWAL = { reserved: true, yields: true };

let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock();
});

const taken = (rate: CallRate, tries: number, visitor = {}) =>
  Array.from({ length: tries }, () => rate.take(visitor)).filter(Boolean).length;

/** Lets this time pass in steps of ten milliseconds and takes all that there is. */
async function takenWithin(rates: readonly CallRate[], ms: number, visitor = KNOWN): Promise<number[]> {
  const calls = rates.map(() => 0);
  for (let passed = 0; passed < ms; passed += 10) {
    for (const [index, rate] of rates.entries()) calls[index] = (calls[index] ?? 0) + taken(rate, 50, visitor);
    await settled();
    clock.advance(10);
  }
  return calls;
}

/** The rate that processes share, as Redis keeps it. */
class Fleet {
  credit: FleetCredit | undefined;
  isAway = false;

  leaseFor(process: string): LeaseCalls {
    return async (need) => {
      if (this.isAway) return undefined;
      const { lease, left } = leaseFrom(this.credit, process, need, clock.now());
      this.credit = left;
      return lease;
    };
  }

  rates(count: number, expectedInstances?: number): CallRate[] {
    return Array.from(
      { length: count },
      (_, n) => new CallRate({ clock, limits, expectedInstances, lease: this.leaseFor(`p${n}`) }),
    );
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((one, other) => one + other, 0);

describe('the rate of one process', () => {
  it('is kept over any time and any mix of visitors', async () => {
    const rate = new CallRate({ clock, limits });
    expect(sum(await takenWithin([rate], 3_000))).toBe(20 + 299);
  });

  it('is the part of one of the expected instances', async () => {
    const rate = new CallRate({ clock, limits, expectedInstances: 10 });
    expect(sum(await takenWithin([rate], 3_000))).toBeLessThanOrEqual(2 + 30);
  });

  it('leaves half of the burst to known players, and a quarter is all that early renewals take', () => {
    const rate = new CallRate({ clock, limits });
    expect(taken(rate, 50, RENEWAL)).toBe(5);
    expect(taken(rate, 50)).toBe(5);
    expect(taken(rate, 50, KNOWN)).toBe(10);
  });

  it.each([1, 2, 3, 7])('with a burst of %p gives something to each kind of visitor in time', async (burst) => {
    const rate = new CallRate({ clock, limits: { perSecond: 1, burst } });
    for (const visitor of [KNOWN, {}, RENEWAL]) {
      taken(rate, 50, KNOWN);
      clock.advance(burst * 1_000);
      expect(rate.take(visitor)).toBe(true);
    }
  });

  it('counts calls that are made whether or not it allows them', () => {
    const rate = new CallRate({ clock, limits });
    for (let call = 0; call < 25; call += 1) rate.charge();
    clock.advance(50);
    expect(rate.take(KNOWN)).toBe(false);
    clock.advance(10);
    expect(rate.take(KNOWN)).toBe(true);
  });

  it('is not multiplied by a machine that slept', () => {
    const rate = new CallRate({ clock, limits });
    taken(rate, 50, KNOWN);
    clock.advance(24 * 3_600_000);
    expect(taken(rate, 50, KNOWN)).toBe(20);
  });
});

describe('the rate of ten processes', () => {
  it.each([undefined, 1, 10])('is kept by leases from the first call on (expectedInstances %p)', async (expected) => {
    const fleet = new Fleet();
    const first = sum(await takenWithin(fleet.rates(10, expected), 1_000));
    expect(first).toBeLessThanOrEqual(20 + 100);
    expect(first).toBeGreaterThanOrEqual(100);
  });

  it('is used up to nine tenths, and each process gets its part', async () => {
    const calls = await takenWithin(new Fleet().rates(10), 4_000);
    // A process may be one call ahead of what the others know.
    expect(sum(calls)).toBeLessThanOrEqual(20 + 400 + 10);
    expect(sum(calls)).toBeGreaterThanOrEqual(360);
    for (const part of calls) expect(Math.abs(part - sum(calls) / 10)).toBeLessThanOrEqual(4);
  });

  it('is the same for each process, also while most leases fail because others were faster', async () => {
    const fleet = new Fleet();
    const contended = Array.from({ length: 10 }, (_, n): LeaseCalls => {
      let asked = 0;
      const lease = fleet.leaseFor(`p${n}`);
      return async (need) => ((asked += 1) % 4 === 0 ? await lease(need) : 'contended');
    });
    const rates = contended.map((lease) => new CallRate({ clock, limits, lease }));
    await takenWithin(rates, 1_000);
    const calls = await takenWithin(rates, 4_000);
    expect(sum(calls)).toBeLessThanOrEqual(20 + 400 + 2 * 10);
    for (const part of calls) expect(part).toBeGreaterThanOrEqual(18);
  });

  it('belongs to the busy one while the others are idle', async () => {
    const rates = new Fleet().rates(10);
    for (const rate of rates) rate.take();
    await settled();
    expect(sum(await takenWithin(rates.slice(0, 1), 4_000))).toBeGreaterThanOrEqual(320);
  });

  it('is divided by the last known number of processes while leases are not available', async () => {
    const fleet = new Fleet();
    const rates = fleet.rates(10);
    await takenWithin(rates, 1_000);
    fleet.isAway = true;
    await takenWithin(rates, 1_000);
    const calls = sum(await takenWithin(rates, 4_000));
    expect(calls).toBeLessThanOrEqual(10 + 400);
    expect(calls).toBeGreaterThanOrEqual(360);
    fleet.isAway = false;
    await takenWithin(rates, 1_000);
    expect(sum(await takenWithin(rates, 4_000))).toBeLessThanOrEqual(20 + 400);
  });

  it('is divided by the expected instances when leases never were available, after a second', async () => {
    const fleet = new Fleet();
    fleet.isAway = true;
    const rates = fleet.rates(10, 10);
    expect(sum(await takenWithin(rates, 1_000))).toBe(0);
    const calls = sum(await takenWithin(rates, 4_000));
    expect(calls).toBeLessThanOrEqual(10 + 400);
    expect(calls).toBeGreaterThanOrEqual(360);
  });

  it('gets on with its part when a lease never ends', async () => {
    let asked = 0;
    const lease: LeaseCalls = async ({ wanted }) =>
      (asked += 1) > 3 ? new Promise(() => undefined) : { calls: wanted, processes: 1 };
    const rate = new CallRate({ clock, limits, expectedInstances: 4, lease });
    await takenWithin([rate], 2_000);
    expect(sum(await takenWithin([rate], 4_000))).toBeGreaterThanOrEqual(49);
  });

  const lease = record({
    calls: oneof(integer({ min: -1_000, max: 1_000_000 }), constantFrom(Infinity, Number.NaN)),
    processes: constant(1),
  });
  it('whatever leases say, gives a process half of its part and never more than all of it', async () => {
    await assert(
      asyncProperty(array(oneof(lease, constantFrom('away', 'broken')), { minLength: 1 }), async (answers) => {
        let asked = 0;
        const answer = async (): Promise<CallLease | undefined> => {
          const given = answers[(asked += 1) % answers.length];
          if (given === 'broken') throw new Error('broken');
          return given === 'away' ? undefined : given;
        };
        const rate = new CallRate({ clock, limits, expectedInstances: 4, lease: answer });
        await takenWithin([rate], 1_100);
        const calls = sum(await takenWithin([rate], 4_000));
        expect(calls).toBeGreaterThanOrEqual((4 * 100) / 4 / 2 - 1);
        expect(calls).toBeLessThanOrEqual(20 + 400);
      }),
      { numRuns: propertyRuns(25) },
    );
  });
});

describe('the credit of a fleet', () => {
  it('never leases more than the rate, whatever the processes want and the clock does', () => {
    const need = record({
      id: constantFrom('a', 'b', 'c'),
      wanted: integer({ min: 1, max: 50 }),
      spent: integer({ min: 0, max: 3 }),
      ms: integer({ min: -500, max: 500 }),
    });
    assert(
      property(array(need, { maxLength: 50 }), (needs) => {
        let credit: FleetCredit | undefined;
        let now = 1_000_000;
        let made = 0;
        let passed = 0;
        for (const { id, wanted, spent, ms } of needs) {
          now += ms;
          passed += Math.max(0, ms);
          const { lease, left } = leaseFrom(credit, id, { ...limits, wanted, spent }, now);
          credit = left;
          made += lease.calls;
          expect(Number.isInteger(lease.calls) && lease.calls >= 0 && lease.calls <= wanted).toBe(true);
          expect(made).toBeLessThanOrEqual(limits.burst + (passed * limits.perSecond) / 1_000 + 1e-6);
        }
      }),
      { numRuns: propertyRuns(200) },
    );
  });

  it('forgets processes that have not asked for a minute, and never holds more than 256', () => {
    let credit: FleetCredit | undefined;
    for (let n = 0; n < 1_000; n += 1)
      credit = leaseFrom(credit, `p${n}`, { ...limits, wanted: 1, spent: 0 }, 1_000).left;
    expect(Object.keys(credit?.processes ?? {})).toHaveLength(256);
    const { lease } = leaseFrom(credit, 'p', { ...limits, wanted: 1, spent: 0 }, 61_000);
    expect(lease).toEqual({ calls: 1, processes: 1 });
  });
});
