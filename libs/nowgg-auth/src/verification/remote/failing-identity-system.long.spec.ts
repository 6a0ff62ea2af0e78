import { describe, expect, it } from '@jest/globals';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import { IdentityProviders } from '../../identity/identity-providers.js';
import { DEFAULTS } from '../../options/defaults.js';
import type { ResolvedVerificationOptions } from '../../options/options.js';
import { CallRate } from '../../resilience/call-rate.js';
import { factsOf, FakeIdentityProvider } from '../../testing-support/fake-identity-provider.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { NO_REVOCATIONS } from '../../testing-support/no-revocations.js';
import { settled } from '../../tokens/testing-support/token-service-under-test.js';
import { CachingAuthenticator } from '../caching-authenticator.js';
import { CallRates } from './call-rates.js';

const FAILS_FAST: IdentityVerdict = { status: 'unknown', reason: 'server_error' };
const IS_SILENT: IdentityVerdict = { status: 'unknown', reason: 'timeout' };
const NEWCOMERS_A_SECOND = 80;
const SECONDS = 12;
const KNOWN = 20;

/** Numbers from 0 to 1, the same ones in each run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

function world(options: Partial<ResolvedVerificationOptions> = {}) {
  const clock = new ManualClock();
  const provider = new FakeIdentityProvider();
  const providers = new IdentityProviders([provider]);
  const resolved = { ...DEFAULTS.verification, ...options };
  const rates = new CallRates({ providers, clock, options: resolved });
  const parts = { providers, clock, options: resolved, revocations: NO_REVOCATIONS, rates };
  const accepted = (token: string) =>
    ({ status: 'valid', facts: factsOf({ userId: token, expiresAtMs: clock.now() + 3_600_000 }) }) as const;
  provider.answer = accepted;
  return { clock, provider, accepted, rates, authenticator: new CachingAuthenticator(parts) };
}

/** The number of newcomers that are served while a share of the calls fails, beside players who are known. */
async function served(share: number, failure: IdentityVerdict, circuit: ResolvedVerificationOptions['circuit']) {
  const { clock, provider, accepted, authenticator } = world({ circuit });
  for (let player = 0; player < KNOWN; player += 1) await authenticator.authenticate(`known-${player}`);
  const random = randomNumbers(7);
  provider.answer = (token) => (random() < share ? failure : accepted(token));
  let count = 0;
  for (let newcomer = 0; newcomer < NEWCOMERS_A_SECOND * SECONDS; newcomer += 1) {
    await authenticator.authenticate(`known-${newcomer % KNOWN}`);
    if ((await authenticator.authenticate(`newcomer-${newcomer}`)).status === 'valid') count += 1;
    clock.advance(1_000 / NEWCOMERS_A_SECOND);
  }
  return count / (NEWCOMERS_A_SECOND * SECONDS);
}

describe('while a steady share of the calls fails', () => {
  it.each([0.2, 0.35, 0.5, 0.7])(
    'fast, %p of them, as many newcomers are served as without a circuit',
    async (share) => {
      const withCircuit = await served(share, FAILS_FAST, DEFAULTS.verification.circuit);
      expect(withCircuit).toBeGreaterThanOrEqual(await served(share, FAILS_FAST, false));
      // One repeat of what failed fast, so 75 % where half of the calls fail; the rest is chance.
      expect(withCircuit).toBeGreaterThan(1 - share * share - 0.05);
    },
  );

  it.each([0.2, 0.35, 0.5, 0.7])(
    'by silence, %p of them, as many newcomers are served as without a circuit',
    async (share) => {
      const withCircuit = await served(share, IS_SILENT, DEFAULTS.verification.circuit);
      expect(withCircuit).toBeGreaterThanOrEqual(await served(share, IS_SILENT, false));
    },
  );
});

describe('what is repeated', () => {
  it('is paid for by early renewals, so that calls do not increase', async () => {
    const { clock, provider, accepted, authenticator } = world();
    for (let player = 0; player < KNOWN; player += 1) await authenticator.authenticate(`known-${player}`);
    let calls = 0;
    provider.answer = (token) => ((calls += 1) % 2 === 1 ? FAILS_FAST : accepted(token));
    for (let newcomer = 0; newcomer < KNOWN; newcomer += 1) await authenticator.authenticate(`newcomer-${newcomer}`);
    expect(calls).toBe(2 * KNOWN);
    clock.advance(25_000);
    for (let player = 0; player < KNOWN; player += 1) {
      expect(authenticator.authenticate(`known-${player}`)).toMatchObject({ status: 'valid' });
      await settled();
    }
    expect(calls).toBe(2 * KNOWN);
  });
});

describe('beyond the rate of calls', () => {
  const rate = { perSecond: 10, burst: 10 };

  it('every call counts: questions, repeats, canaries and probes', async () => {
    const { clock, provider, authenticator } = world({ rate });
    const random = randomNumbers(3);
    const { answer } = provider;
    provider.answer = (token, kind) => (random() < 0.5 ? FAILS_FAST : answer(token, kind));
    const startedAt = clock.monotonicNow();
    for (let newcomer = 0; newcomer < 500; newcomer += 1) {
      void authenticator.authenticate(`newcomer-${newcomer}`);
      await settled();
      clock.advance(20);
    }
    const seconds = (clock.monotonicNow() - startedAt) / 1_000;
    // A canary is not refused; later calls make up for it.
    expect(provider.asked.length).toBeLessThanOrEqual(rate.burst + rate.perSecond * seconds + 1);
    expect(provider.asked.length).toBeGreaterThan(rate.perSecond * seconds * 0.8);
  });

  it('a known player whose verdict has ended plays on, and is asked about before all newcomers', async () => {
    const { clock, provider, authenticator } = world({ rate });
    await authenticator.authenticate('known');
    clock.advance(30_001);
    for (let newcomer = 0; newcomer < 20; newcomer += 1) void authenticator.authenticate(`newcomer-${newcomer}`);
    provider.asked.length = 0;
    expect(await authenticator.authenticate('known')).toMatchObject({ status: 'valid' });
    expect(provider.asked[0]?.token).toBe('known');
  });

  it('an outage uses up nothing: callers are told at once, and the rate is there when it ends', async () => {
    const { clock, provider, accepted, authenticator } = world({ rate: { perSecond: 10, burst: 60 } });
    provider.answer = () => IS_SILENT;
    for (let newcomer = 0; newcomer < 20; newcomer += 1) await authenticator.authenticate(`early-${newcomer}`);
    clock.advance(500);
    const refused = Array.from({ length: 60 }, async (_, n) => authenticator.authenticate(`refused-${n}`));
    for (const verdict of await Promise.all(refused)) expect(verdict).toMatchObject({ reason: 'circuit_open' });
    provider.answer = accepted;
    clock.advance(500);
    expect(await authenticator.authenticate('probe')).toMatchObject({ status: 'valid' });
    provider.asked.length = 0;
    for (let newcomer = 0; newcomer < 15; newcomer += 1) void authenticator.authenticate(`late-${newcomer}`);
    await settled();
    expect(provider.asked).toHaveLength(15);
  });

  it('a newcomer gets a 503 that says when there is room', async () => {
    const { authenticator } = world({ rate });
    const verdicts = Array.from({ length: 50 }, (_, n) => authenticator.authenticate(`newcomer-${n}`));
    expect(await verdicts.at(-1)).toEqual({ status: 'unknown', reason: 'over_rate', retryAfterSeconds: 2 });
  });

  it('a newcomer who has gone is not asked about, unless another caller waits for the same answer', async () => {
    const { clock, provider, authenticator } = world({ rate });
    for (let n = 0; n < 5; n += 1) await authenticator.authenticate(`first-${n}`);
    provider.asked.length = 0;
    const left = { hasGone: () => true };
    const stays = { hasGone: () => false };
    void authenticator.authenticate('gone', undefined, left);
    void authenticator.authenticate('shared', undefined, left);
    void authenticator.authenticate('shared', undefined, stays);
    void authenticator.authenticate('stays', undefined, stays);
    for (let step = 0; step < 40; step += 1) {
      clock.advance(10);
      await settled();
    }
    expect(provider.asked.map(({ token }) => token)).toEqual(['shared', 'stays']);
  });

  it('has a slot for a canary, which later calls make up for', () => {
    const limited = new CallRate({ clock: new ManualClock(), limits: { perSecond: 1, burst: 1 } });
    limited.charge();
    limited.charge();
    expect(limited.take({ reserved: true })).toBe(false);
  });
});
