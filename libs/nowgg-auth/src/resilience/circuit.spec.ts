import { beforeEach, describe, expect, it } from '@jest/globals';
import { assert, integer, property } from 'fast-check';
import { ManualClock } from '../testing-support/manual-clock.js';
import { propertyRuns } from '../testing-support/property-runs.js';
import { Circuit } from './circuit.js';

const options = { openAfter: 5, windowMs: 10_000, firstPauseMs: 1_000, longestPauseMs: 3_000 };
let clock: ManualClock;
let circuit: Circuit;

beforeEach(() => {
  clock = new ManualClock();
  circuit = new Circuit(clock, options);
});

const fail = (times: number) => {
  for (let count = 0; count < times; count += 1) circuit.failed();
};
const answer = (times: number) => {
  for (let count = 0; count < times; count += 1) circuit.answered();
};

describe('a circuit', () => {
  it('opens when every one of five calls failed, never on fewer', () => {
    fail(4);
    expect(circuit.enter()).toBe(0);
    fail(1);
    expect(circuit.enter()).toBe(1_000);
  });

  it.each([0.5, 0.8, 0.89])('stays closed while a share of %p of the calls fails', (share) => {
    for (let call = 1; call <= 1_000; call += 1) {
      if (Math.floor(call * share) > Math.floor((call - 1) * share)) circuit.failed();
      else circuit.answered();
      clock.advance(10);
      expect(circuit.enter()).toBe(0);
    }
  });

  it('opens when nine of ten calls in the window failed, whatever was before', () => {
    answer(100);
    clock.advance(10_000);
    answer(1);
    fail(8);
    expect(circuit.enter()).toBe(0);
    fail(1);
    expect(circuit.enter()).toBe(1_000);
  });

  it('forgets failures that are older than the window', () => {
    fail(4);
    clock.advance(10_000);
    fail(4);
    expect(circuit.enter()).toBe(0);
  });

  it('lets one probe through after each pause, whether or not the one before has reported', () => {
    fail(5);
    clock.advance(1_000);
    expect(circuit.enter()).toBe(0);
    expect(circuit.enter()).toBe(1_000);
    clock.advance(1_000);
    expect(circuit.enter()).toBe(0);
  });

  it('lets one of a hundred calls through when that is more than one per pause', () => {
    fail(5);
    let passed = 0;
    for (let call = 0; call < 1_000; call += 1) if (circuit.enter() === 0) passed += 1;
    expect(passed).toBe(10);
  });

  it('doubles its pause with each failed probe, up to the longest, and not with calls that were under way', () => {
    fail(5);
    const pauses = [2_000, 3_000, 3_000].map(() => {
      clock.advance(circuit.enter());
      circuit.enter();
      fail(7);
      return circuit.enter();
    });
    expect(pauses).toEqual([2_000, 3_000, 3_000]);
  });

  it('closes with any answer', () => {
    fail(5);
    clock.advance(1_000);
    circuit.enter();
    circuit.answered();
    fail(4);
    expect(circuit.enter()).toBe(0);
  });

  it.each([2, 5, 10, 20, 100])(
    'lets half of %p calls a second through while seconds of failure and health alternate',
    (rate) => {
      let served = 0;
      for (let call = 0; call < 60 * rate; call += 1) {
        const isHealthy = Math.floor(call / rate) % 2 === 1;
        if (circuit.enter() === 0) {
          if (isHealthy) served += 1;
          if (isHealthy) circuit.answered();
          else circuit.failed();
        }
        clock.advance(1_000 / rate);
      }
      // All that no circuit would serve, less two pauses at the beginning.
      expect(served).toBeGreaterThanOrEqual(28 * rate);
    },
  );

  it('does not open again by late failures of calls that were sent before it closed', () => {
    fail(5);
    clock.advance(1_000);
    circuit.enter();
    circuit.answered();
    fail(4);
    expect(circuit.enter()).toBe(0);
    fail(1);
    expect(circuit.enter()).toBeGreaterThan(0);
  });

  it('closes within two seconds of recovery, whatever the rate of calls and the length of the outage', () => {
    assert(
      property(integer({ min: 1, max: 400 }), integer({ min: 1, max: 60 }), (rate, outageS) => {
        const manual = new ManualClock();
        const mended = new Circuit(manual, { ...options, longestPauseMs: 1_000 });
        const answers: boolean[] = [];
        for (let call = 0; call < (outageS + 3) * rate; call += 1) {
          const isBack = call >= outageS * rate;
          const mayCall = mended.enter() === 0;
          if (mayCall && isBack) mended.answered();
          else if (mayCall) mended.failed();
          if (call >= (outageS + 2) * rate) answers.push(mayCall);
          manual.advance(1_000 / rate);
        }
        expect(answers).not.toContain(false);
      }),
      { numRuns: propertyRuns(50) },
    );
  });

  it('opens at once when told how long to stay away, and then probes', () => {
    circuit.holdOff(7_000);
    circuit.answered();
    for (let call = 0; call < 1_000; call += 1) expect(circuit.enter()).toBe(7_000);
    clock.advance(7_000);
    expect(circuit.enter()).toBe(0);
    expect(circuit.enter()).toBe(1_000);
  });
});
