import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../testing-support/manual-clock.js';
import { Circuit } from './circuit.js';

const options = { openAfter: 5, firstPauseMs: 1_000, longestPauseMs: 3_000, probeMs: 500 };
let clock: ManualClock;
let circuit: Circuit;

beforeEach(() => {
  clock = new ManualClock();
  circuit = new Circuit(clock, options);
});

const fail = (times: number) => {
  for (let count = 0; count < times; count += 1) circuit.failed();
};

describe('a circuit', () => {
  it('opens after five failures in a row, never on fewer', () => {
    fail(4);
    circuit.answered();
    fail(4);
    expect(circuit.enter()).toBe(0);
    fail(1);
    expect(circuit.enter()).toBe(1_000);
  });

  it('lets one probe through after the pause, and the next when that one has had its time', () => {
    fail(5);
    clock.advance(1_000);
    expect(circuit.enter()).toBe(0);
    expect(circuit.enter()).toBe(500);
    clock.advance(500);
    expect(circuit.enter()).toBe(0);
  });

  it('doubles its pause with each failed probe, up to the longest', () => {
    fail(5);
    const pauses = [2_000, 3_000, 3_000].map(() => {
      clock.advance(circuit.enter());
      circuit.enter();
      circuit.failed();
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

  it('opens at once when told how long to stay away, and then probes', () => {
    circuit.holdOff(7_000);
    expect(circuit.enter()).toBe(7_000);
    clock.advance(7_000);
    expect(circuit.enter()).toBe(0);
    expect(circuit.enter()).toBe(500);
  });
});
