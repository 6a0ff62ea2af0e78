import { beforeEach, describe, expect, it } from '@jest/globals';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import { factsOf, FakeIdentityProvider } from '../../testing-support/fake-identity-provider.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { Circuit } from '../../resilience/circuit.js';
import { ClientEvidence } from '../evidence/client-evidence.js';
import { ConnectionHealth } from './connection-health.js';

type UnknownVerdict = Extract<IdentityVerdict, { status: 'unknown' }>;
const because = (reason: UnknownVerdict['reason'], retryAfterMs?: number): UnknownVerdict => ({
  status: 'unknown',
  reason,
  retryAfterMs,
});
const accepted: IdentityVerdict = { status: 'valid', facts: factsOf() };

let clock: ManualClock;
let provider: FakeIdentityProvider;
let circuit: Circuit;
let evidence: ClientEvidence;
let health: ConnectionHealth;

beforeEach(() => {
  clock = new ManualClock();
  provider = new FakeIdentityProvider();
  circuit = new Circuit(clock, { openAfter: 5, windowMs: 5_000, firstPauseMs: 1_000, longestPauseMs: 1_000 });
  evidence = new ClientEvidence(provider, clock, { timeoutMs: 1_000, refusalsAreDefinite: false });
  health = new ConnectionHealth(evidence, circuit, clock, 1_000);
});

const knowAPlayer = () => {
  const asked = { digest: 'd', token: 't', tokenType: 'token' as const, isPlausible: true };
  evidence.accepted(asked, factsOf({ expiresAtMs: clock.now() + 60_000 }), evidence.sent(), false);
};
/** Lets the requests about canaries end. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const fail = async (verdict: UnknownVerdict, times: number, isKnown = false) => {
  for (let time = 0; time < times; time += 1) {
    health.failed(verdict, isKnown);
    await settle();
  }
};

describe('a failure', () => {
  it.each(['network', 'tls'] as const)('of the %s opens the circuit', async (reason) => {
    await fail(because(reason), 5);
    expect(circuit.enter()).toBeGreaterThan(0);
  });

  it.each(['server_error', 'invalid_response', 'redirect'] as const)(
    'by %s about strangers never does while a canary has an answer, nor without one',
    async (reason) => {
      await fail(because(reason), 50);
      expect(circuit.enter()).toBe(0);
      knowAPlayer();
      provider.answer = () => accepted;
      await fail(because(reason), 50);
      expect(circuit.enter()).toBe(0);
      expect(provider.asked).toEqual([{ token: 't', tokenType: 'token' }]);
    },
  );

  it('is about the line when a canary fails as well', async () => {
    knowAPlayer();
    provider.answer = () => because('server_error');
    await fail(because('server_error'), 5);
    expect(circuit.enter()).toBeGreaterThan(0);
    expect(provider.asked).toHaveLength(1);
  });

  it('is about the line when questions about known tokens fail, without a canary', async () => {
    await fail(because('server_error'), 5, true);
    expect(circuit.enter()).toBeGreaterThan(0);
    expect(provider.asked).toEqual([]);
  });

  it('by silence is about the line unless a canary has an answer', async () => {
    await fail(because('timeout'), 4);
    knowAPlayer();
    provider.answer = () => accepted;
    await fail(because('timeout'), 50);
    expect(circuit.enter()).toBe(0);
    provider.answer = () => because('timeout');
    clock.advance(5_000);
    await fail(because('timeout'), 5);
    expect(circuit.enter()).toBeGreaterThan(0);
  });

  it('by a reply stands for the token, unless the line is at fault', async () => {
    expect(health.failed(because('invalid_response'), false)).toBe(true);
    expect(health.failed(because('timeout'), false)).toBe(false);
    expect(health.failed(because('invalid_response'), true)).toBe(false);
    expect(health.failed(because('invalid_response'), false)).toBe(false);
    health.answered();
    expect(health.failed(because('invalid_response'), false)).toBe(true);
  });

  it('with Retry-After holds all questions off after a 429, after a 5xx only if the line is at fault', async () => {
    health.failed(because('server_error', 9_000), false);
    await settle();
    expect(circuit.enter()).toBe(0);
    health.failed(because('server_error', 9_000), true);
    expect(circuit.enter()).toBe(9_000);
    health.answered();
    health.failed(because('rate_limited', 7_000), false);
    expect(circuit.enter()).toBe(7_000);
  });
});

describe('a question that failed fast', () => {
  const repeats = (failures: number, answers: number) => {
    let count = 0;
    for (let time = 0; time < failures; time += 1) if (health.mayRepeat(because('network'), 100)) count += 1;
    for (let time = 0; time < answers; time += 1) health.mayRepeat(accepted, 1);
    return count;
  };

  it('is repeated while at most 80 % of the attempts fail fast', () => {
    expect(repeats(0, 20)).toBe(0);
    expect(repeats(80, 0)).toBe(80);
  });

  it('is repeated one time of ten above that', () => {
    repeats(100, 0);
    expect(repeats(100, 0)).toBe(10);
    clock.advance(10_000);
    expect(repeats(5, 0)).toBe(5);
  });

  it.each([
    ['took more than a tenth of the deadline', because('network'), 101],
    ['was told when to come back', because('server_error', 1_000), 1],
    ['met another certificate', because('tls'), 1],
    ['was silent', because('timeout'), 1],
    ['got nonsense', because('invalid_response'), 1],
  ])('is not repeated when it %s', (_what, verdict, tookMs) => {
    expect(health.mayRepeat(verdict, tookMs)).toBe(false);
  });
});
