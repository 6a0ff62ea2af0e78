import { beforeEach, describe, expect, it } from '@jest/globals';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { TokenFacts } from '../../principal.js';
import { factsOf, FakeIdentityProvider } from '../../testing-support/fake-identity-provider.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { VerificationResult, instantOf } from '../decision/verification-result.js';
import { Confidence } from './confidence.js';
import { DistributedSingleFlight, type SharedVerdictUse } from './distributed-single-flight.js';
import { SharedCache, type SharedVerdict } from './shared-cache.js';

/** A shared cache in memory whose behavior a test can change. */
class FakeSharedCache extends SharedCache {
  readonly verdicts = new Map<string, SharedVerdict & { keptMs: number }>();
  readonly claims = new Set<string>();
  isDown = false;

  override async read(key: string): Promise<SharedVerdict | undefined> {
    return this.isDown ? undefined : this.verdicts.get(key);
  }

  override async write(key: string, verdict: SharedVerdict, keptMs: number): Promise<void> {
    if (!this.isDown) this.verdicts.set(key, { ...verdict, keptMs });
  }

  override async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.verdicts.delete(key);
  }

  override async claim(key: string): Promise<'acquired' | 'held' | 'unavailable'> {
    if (this.isDown) return 'unavailable';
    if (this.claims.has(key)) return 'held';
    this.claims.add(key);
    return 'acquired';
  }

  override async release(key: string): Promise<void> {
    this.claims.delete(key);
  }

  override async announceRevocation(): Promise<void> {
    // No other process listens here.
  }

  override onRevocation(): () => void {
    return () => undefined;
  }

  override async close(): Promise<void> {
    this.isDown = true;
  }
}

const turn = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

const OPTIONS = { maxAgeMs: 30_000, staleIfErrorMs: 60_000, timeoutMs: 1_000 };
const SCOPE = 'scope-of-this-module';
const scoped = (key: string) => `${SCOPE}/${key}`;
const provider = new FakeIdentityProvider();

let clock: ManualClock;
let cache: FakeSharedCache;
let asking: DistributedSingleFlight;
const questions = { asked: 0 };
let verdict: IdentityVerdict;

/** Verdicts that were too old to answer. */
let older: VerificationResult[];
const use: SharedVerdictUse = {
  asksNow: false,
  serves: ({ askedAt, lifeMs = 0 }) => clock.monotonicNow() - askedAt.monotonicMs < lifeMs,
  keepOlder: async (shared) => {
    older.push(shared);
  },
};

const ask = async () => {
  questions.asked += 1;
  const askedAt = instantOf(clock);
  clock.advance(100);
  return new VerificationResult(verdict, askedAt, 'miss');
};

beforeEach(() => {
  clock = new ManualClock();
  cache = new FakeSharedCache();
  asking = new DistributedSingleFlight(cache, clock, OPTIONS, { confidence: new Confidence(OPTIONS), scope: SCOPE });
  questions.asked = 0;
  older = [];
  verdict = { status: 'valid', facts: factsOf() };
});

describe('a shared verdict', () => {
  it('serves another process at the age that it has', async () => {
    cache.verdicts.set(scoped('k'), {
      facts: factsOf(),
      ageMs: 20_000,
      lifeMs: 30_000,
      isVerified: true,
      keptMs: 90_000,
    });
    const answer = await asking.ask('k', provider, use, ask);
    expect(answer).toMatchObject({ source: 'shared', verdict: { status: 'valid' } });
    expect(clock.monotonicNow() - answer.askedAt.monotonicMs).toBe(20_000);
    expect(questions.asked).toBe(0);
  });

  it.each([[30_000], [-1], [Number.NaN]])('of an age of %p is none', async (ageMs) => {
    cache.verdicts.set(scoped('k'), { facts: factsOf(), ageMs, lifeMs: 30_000, isVerified: true, keptMs: 90_000 });
    await asking.ask('k', provider, use, ask);
    expect(questions.asked).toBe(1);
  });

  it('is kept for what is left of its life and for an outage, never past exp, and only if it is a yes', async () => {
    await asking.ask('whole', provider, use, ask);
    verdict = { status: 'valid', facts: factsOf({ expiresAtMs: clock.now() + 5_100 }) };
    await asking.ask('short', provider, use, ask);
    verdict = { status: 'invalid', reason: 'invalid_token' };
    await asking.ask('no', provider, use, ask);
    verdict = { status: 'unknown', reason: 'timeout' };
    await asking.ask('unknown', provider, use, ask);
    expect([...cache.verdicts].map(([key, { ageMs, keptMs }]) => [key, ageMs, keptMs])).toEqual([
      [scoped('whole'), 100, 89_900],
      [scoped('short'), 100, 5_000],
    ]);
    expect(cache.claims.size).toBe(0);
  });
});

describe('a verdict that was given to another', () => {
  const ofOthers: [string, Partial<TokenFacts>][] = [
    ['identity provider', { provider: 'other' }],
    ['client', { clientKey: 'key of another client' }],
    ['kind of token, which this client cannot have verified', { tokenType: 'id_token' }],
  ];

  it.each(ofOthers)('%s is a miss, whatever key the cache found it under', async (_, facts) => {
    const tokensOnly = new FakeIdentityProvider();
    tokensOnly.tokenTypes = ['token'];
    cache.verdicts.set(scoped('k'), {
      facts: factsOf(facts),
      ageMs: 0,
      lifeMs: 30_000,
      isVerified: true,
      keptMs: 90_000,
    });
    expect(await asking.ask('k', tokensOnly, use, ask)).toMatchObject({ source: 'miss' });
    expect(questions.asked).toBe(1);
  });

  it('module, whose providers are configured otherwise, lies under another key', async () => {
    const sharing = { confidence: new Confidence(OPTIONS), scope: 'scope-of-another-module' };
    const other = new DistributedSingleFlight(cache, clock, OPTIONS, sharing);
    await asking.ask('k', provider, use, ask);
    await other.ask('k', provider, use, ask);
    expect(questions.asked).toBe(2);
    await other.forget(['k']);
    expect([...cache.verdicts.keys()]).toEqual([scoped('k')]);
  });
});

describe('a question', () => {
  it('that another process is asking waits for its answer', async () => {
    cache.claims.add(scoped('k'));
    const waiting = asking.ask('k', provider, use, ask);
    await turn();
    cache.verdicts.set(scoped('k'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true, keptMs: 90_000 });
    clock.advance(10);
    expect(await waiting).toMatchObject({ source: 'shared' });
    expect(questions.asked).toBe(0);
  });

  it('that the other process does not answer is asked here in the end', async () => {
    cache.claims.add(scoped('k'));
    const waiting = asking.ask('k', provider, use, ask);
    while (questions.asked === 0) {
      await turn();
      clock.advance(50);
    }
    expect(await waiting).toMatchObject({ source: 'miss' });
  });

  it('goes straight to the identity system when an answer of now is wanted, or the cache is down', async () => {
    cache.verdicts.set(scoped('k'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true, keptMs: 90_000 });
    await asking.ask('k', provider, { ...use, asksNow: true }, ask);
    cache.isDown = true;
    await asking.ask('k', provider, use, ask);
    expect(questions.asked).toBe(2);
  });
});
