import { describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '../testing-support/manual-clock.js';
import { deadlineOfCall, Deadlines } from './deadlines.js';

/** Runs everything that needs no time. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function setUp() {
  const clock = new ManualClock();
  const waits = jest.spyOn(clock, 'wait').mock.calls;
  const deadlines = new Deadlines(clock);
  const over: string[] = [];
  const set = (name: string, inMs: number) => deadlines.set(clock.monotonicNow() + inMs, () => over.push(name));
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settled();
  };
  return { waits, over, set, pass };
}

describe('Deadlines', () => {
  it('are over at their time, in whatever order they were set', async () => {
    const { over, set, pass } = setUp();
    set('late', 100);
    set('early', 10);
    set('between', 50);
    await pass(9);
    expect(over).toEqual([]);
    await pass(1);
    expect(over).toEqual(['early']);
    await pass(40);
    expect(over).toEqual(['early', 'between']);
    await pass(50);
    expect(over).toEqual(['early', 'between', 'late']);
  });

  it('are over once, however much time passes in one step', async () => {
    const { over, set, pass } = setUp();
    set('first', 10);
    set('second', 20);
    await pass(1_000);
    await pass(1_000);
    expect(over).toEqual(['first', 'second']);
  });

  it('are not over when they were called off', async () => {
    const { over, set, pass } = setUp();
    const callOff = set('called off', 10);
    set('kept', 20);
    callOff();
    await pass(10);
    await pass(10);
    expect(over).toEqual(['kept']);
  });

  it('that are set after a wait of the clock has ended are over all the same', async () => {
    const { over, set, pass } = setUp();
    set('called off', 10)();
    await pass(10);
    set('next', 10);
    await pass(10);
    expect(over).toEqual(['next']);
  });

  it('that come in their order need one wait of the clock for a thousand', async () => {
    const { waits, over, set, pass } = setUp();
    const callsOff = Array.from({ length: 1_000 }, (_, index) => set('called off', 100 + index));
    for (const callOff of callsOff) callOff();
    await pass(2_000);
    expect({ waits: waits.length, over }).toEqual({ waits: 1, over: [] });
  });
});

describe('the deadline of a call', () => {
  it('aborts its signal as a timeout', async () => {
    const { signal } = deadlineOfCall(1);
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve, { once: true });
    });
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('aborts nothing after the call has ended', async () => {
    const ended = deadlineOfCall(1);
    ended.end();
    const later = deadlineOfCall(2);
    await new Promise((resolve) => {
      later.signal.addEventListener('abort', resolve, { once: true });
    });
    expect(ended.signal.aborted).toBe(false);
  });
});
