import { beforeEach, describe, expect, it } from '@jest/globals';
import { assert, integer, property } from 'fast-check';
import type { TokenOutcome } from '../../identity/identity-provider.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { propertyRuns } from '../../testing-support/property-runs.js';
import { circuitKey, ClientCircuits } from './token-calls.js';

const silence: TokenOutcome = { status: 'in_doubt', reason: 'timeout' };
const success: TokenOutcome = { status: 'tokens', tokens: { accessToken: 'a' } };

describe('ClientCircuits', () => {
  let clock: ManualClock;
  let circuits: ClientCircuits;
  const report = (outcome: TokenOutcome, times = 1) => {
    for (let time = 0; time < times; time += 1) circuits.report('client', outcome);
  };

  beforeEach(() => {
    clock = new ManualClock();
    circuits = new ClientCircuits(clock);
  });

  it('stays closed on four silences in a row and opens on the fifth', () => {
    report(silence, 4);
    expect(circuits.enter('client')).toBe(0);
    report(silence);
    expect(circuits.enter('client')).toBe(1_000);
  });

  it('starts counting anew after any answer about a grant', () => {
    report(silence, 4);
    report({ status: 'refused', code: 'NO', isFinal: false });
    report(silence, 4);
    expect(circuits.enter('client')).toBe(0);
  });

  it('counts a refusal that may be about the client secret as an answer', () => {
    for (let times = 0; times < 20; times += 1) {
      report(silence, 4);
      report({ status: 'not_sent', reason: 'own_credentials_suspect' });
    }
    expect(circuits.enter('client')).toBe(0);
  });

  it('lets one probe through after the pause and keeps the others out meanwhile', () => {
    report(silence, 5);
    clock.advance(1_000);
    expect(circuits.enter('client')).toBe(0);
    expect(circuits.enter('client')).toBeGreaterThan(0);
    report(success);
    expect(circuits.enter('client')).toBe(0);
  });

  it('lets another probe through when one never reports', () => {
    report(silence, 5);
    clock.advance(1_000);
    circuits.enter('client');
    clock.advance(5_000);
    expect(circuits.enter('client')).toBe(0);
  });

  it('lets a probe through every second however long the silence lasts', () => {
    report(silence, 12);
    for (let second = 0; second < 60; second += 1) {
      clock.advance(1_000);
      expect(circuits.enter('client')).toBe(0);
      report(silence);
      expect(circuits.enter('client')).toBe(1_000);
    }
  });

  it('stays closed while one of five calls is answered', () => {
    for (let call = 0; call < 200; call += 1) report(call % 5 === 0 ? success : silence);
    expect(circuits.enter('client')).toBe(0);
  });

  it('serves refreshes in the healthy seconds between seconds of failure, and all of them afterwards', () => {
    assert(
      property(integer({ min: 2, max: 80 }), integer({ min: 0, max: 999 }), (rate, phaseMs) => {
        const moved = new ManualClock();
        const alternating = new ClientCircuits(moved);
        let healthy = 0;
        let served = 0;
        let refusedAfterwards = 0;
        for (let call = 0; call < 24 * rate; call += 1) {
          const ms = (call * 1_000) / rate + phaseMs;
          const isOver = ms >= 22_000;
          const isHealthy = isOver || Math.floor(ms / 1_000) % 2 === 1;
          const mayCall = alternating.enter('client') === 0;
          if (mayCall) alternating.report('client', isHealthy ? success : silence);
          if (isHealthy) healthy += 1;
          if (isHealthy && mayCall) served += 1;
          if (isOver && !mayCall) refusedAfterwards += 1;
          moved.advance(1_000 / rate);
        }
        // Pauses at the beginning, while nine of ten calls so far have failed: three at most, however the phases fall.
        expect(healthy - served).toBeLessThanOrEqual(4 * rate);
        expect(refusedAfterwards).toBe(0);
      }),
      { numRuns: propertyRuns(100) },
    );
  });

  it('keeps codes and refresh tokens of one client apart', () => {
    for (let time = 0; time < 5; time += 1) circuits.report(circuitKey('code', 'client'), silence);
    expect(circuits.enter(circuitKey('code', 'client'))).toBe(1_000);
    expect(circuits.enter(circuitKey('refresh', 'client'))).toBe(0);
  });

  it('opens as long as the identity system asks for, a minute at most', () => {
    report({ status: 'busy', retryAfterMs: 7_000 });
    expect(circuits.closedForMs('client')).toBe(7_000);
    report({ status: 'busy', retryAfterMs: 1e12 });
    expect(circuits.closedForMs('client')).toBe(60_000);
  });

  it('opens at once when our client is refused', () => {
    report({ status: 'client_refused' });
    expect(circuits.closedForMs('client')).toBe(10_000);
  });

  it('keeps clients apart', () => {
    report({ status: 'client_refused' });
    expect(circuits.enter('other')).toBe(0);
  });
});
