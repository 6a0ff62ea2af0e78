import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../testing-support/manual-clock.js';
import { CoalescedReading } from './coalesced-reading.js';

const turn = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

let clock: ManualClock;
let closing: AbortController;
let startedAt: number[];
let endReading: () => void;
let readings: CoalescedReading;

beforeEach(() => {
  clock = new ManualClock();
  closing = new AbortController();
  startedAt = [];
  endReading = () => undefined;
  readings = new CoalescedReading(clock, 50, closing.signal, async () => {
    startedAt.push(clock.monotonicNow());
  });
});

describe('readings', () => {
  it('begin at once for the first call', async () => {
    await readings.request();
    expect(startedAt).toHaveLength(1);
  });

  it('of a flood begin every 50 ms and no more often, and one begins after the last call', async () => {
    const origin = clock.monotonicNow();
    for (let ms = 0; ms < 1_000; ms += 1) {
      for (let call = 0; call < 20; call += 1) void readings.request();
      await turn();
      clock.advance(1);
    }
    const lastCall = clock.monotonicNow();
    const last = readings.request();
    await turn();
    clock.advance(50);
    await last;
    expect(startedAt[0]).toBe(origin);
    expect(startedAt.length).toBeLessThanOrEqual(22);
    expect(startedAt.every((at, index) => index === 0 || at - (startedAt[index - 1] as number) >= 50)).toBe(true);
    expect(startedAt.at(-1)).toBeGreaterThanOrEqual(lastCall);
  });

  it('are one at a time, and a call during one has another begin', async () => {
    let underway = 0;
    let most = 0;
    readings = new CoalescedReading(clock, 50, closing.signal, async () => {
      startedAt.push(clock.monotonicNow());
      underway += 1;
      most = Math.max(most, underway);
      await new Promise<void>((resolve) => {
        endReading = resolve;
      });
      underway -= 1;
    });
    void readings.request();
    await turn();
    const second = readings.request();
    clock.advance(200);
    await turn();
    expect(startedAt).toHaveLength(1);
    endReading();
    await turn();
    expect(startedAt).toHaveLength(2);
    endReading();
    await second;
    expect(most).toBe(1);
  });

  it('end with the signal, one that waits included', async () => {
    await readings.request();
    const waiting = readings.request();
    await turn();
    closing.abort();
    await waiting;
    await readings.end();
    expect(startedAt).toHaveLength(1);
  });
});
