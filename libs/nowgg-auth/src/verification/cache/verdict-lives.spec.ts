import { beforeEach, describe, expect, it } from '@jest/globals';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import { IdentityProviders } from '../../identity/identity-providers.js';
import type { RevocationView } from '../../revocation/revocation-feed.js';
import { factsOf, FakeIdentityProvider } from '../../testing-support/fake-identity-provider.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { MemorySharedCache, MemorySharedEntries } from '../../testing-support/memory-shared-cache.js';
import { NO_REVOCATIONS } from '../../testing-support/no-revocations.js';
import { VERIFICATION_OPTIONS } from '../../testing-support/verification-options.js';
import { CachingAuthenticator } from '../caching-authenticator.js';
import type { AuthenticationPolicy } from '../decision/verdict.js';

const unknown: IdentityVerdict = { status: 'unknown', reason: 'timeout' };
const refused: IdentityVerdict = { status: 'invalid', reason: 'invalid_token' };
const accepted = (token: string): IdentityVerdict => ({
  status: 'valid',
  facts: factsOf({ userId: token, expiresAtMs: undefined }),
});

let clock: ManualClock;
let provider: FakeIdentityProvider;
let entries: MemorySharedEntries;
let isBanned: boolean;

beforeEach(() => {
  clock = new ManualClock();
  provider = new FakeIdentityProvider();
  provider.grows = true;
  provider.answer = accepted;
  entries = new MemorySharedEntries(clock);
  isBanned = false;
});

const revocations: RevocationView = { ...NO_REVOCATIONS, refuses: () => isBanned };

/** A process of the application. */
function instance(options: object = {}, shares = false): CachingAuthenticator {
  return new CachingAuthenticator({
    providers: new IdentityProviders([provider]),
    options: { ...VERIFICATION_OPTIONS, circuit: false, ...options },
    clock,
    revocations,
    ...(shares && { sharedCache: new MemorySharedCache(entries) }),
  });
}

const count = () => provider.asked.length;

/** Lets requests in the background end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** The ages in seconds at which a token in use was asked about again: a call each three seconds. */
async function agesAsked(authenticator: CachingAuthenticator, seconds: number, policy?: AuthenticationPolicy) {
  const ages: number[] = [];
  let askedAt = clock.monotonicNow();
  for (let second = 0; second < seconds; second += 3) {
    const before = count();
    await authenticator.authenticate('abc', policy);
    await settle();
    if (count() > before) {
      ages.push((clock.monotonicNow() - askedAt) / 1_000);
      askedAt = clock.monotonicNow();
    }
    clock.advance(3_000);
  }
  return ages;
}

describe('a token that is accepted again and again', () => {
  it('is asked about less and less often, and renewed at the end of its life, up to five minutes', async () => {
    const [first, ...later] = await agesAsked(instance(), 3_600);
    expect(first).toBe(0);
    const lives = [30, 60, 120, 240, 300, 300, 300];
    const shares = later.slice(0, 7).map((age, index) => age / (lives[index] as number));
    expect(shares[0]).toBeGreaterThanOrEqual(0.6);
    for (const share of shares.slice(1)) expect(share).toBeGreaterThanOrEqual(0.85);
    for (const share of shares) expect(share).toBeLessThanOrEqual(1);
    expect(later.length).toBeLessThanOrEqual(20);
  });

  it('is asked about as before where the identity system does not grow confidence', async () => {
    provider.grows = false;
    const ages = await agesAsked(instance(), 600);
    expect(Math.max(...ages)).toBeLessThanOrEqual(30);
  });

  it('does not grow where an old verdict is forbidden, and no further than the age that a route requires', async () => {
    const authenticator = instance();
    expect(Math.max(...(await agesAsked(authenticator, 900, { allowStale: false })))).toBeLessThanOrEqual(30);
    expect(Math.max(...(await agesAsked(authenticator, 900, { maxAgeMs: 45_000 })))).toBe(45);
    expect(Math.max(...(await agesAsked(authenticator, 300, { maxAgeMs: 6_000 })))).toBe(6);
  });

  it('keeps its life when a stricter route asks in between', async () => {
    const authenticator = instance();
    for (const ms of [30_000, 60_000, 120_000, 240_000]) {
      await authenticator.authenticate('abc');
      clock.advance(ms);
    }
    await authenticator.authenticate('abc');
    clock.advance(10_000);
    await authenticator.authenticate('abc', { maxAgeMs: 0 });
    const asked = count();
    clock.advance(250_000);
    expect(authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    expect(count()).toBe(asked);
  });

  it('is refused at the next hit after a ban, and at its exp', async () => {
    const expiresAtMs = clock.now() + 100_000;
    provider.answer = () => ({ status: 'valid', facts: factsOf({ expiresAtMs }) });
    const authenticator = instance();
    await authenticator.authenticate('abc');
    clock.advance(30_000);
    await authenticator.authenticate('abc');
    isBanned = true;
    expect(authenticator.authenticate('abc')).toMatchObject({ reason: 'revoked_token' });
    isBanned = false;
    clock.advance(60_000);
    await authenticator.authenticate('abc');
    clock.advance(9_999);
    expect(authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    clock.advance(1);
    expect(authenticator.authenticate('abc')).toMatchObject({ reason: 'expired_token' });
  });

  it('starts anew after a refusal that was not believed', async () => {
    const authenticator = instance();
    for (const ms of [30_000, 60_000, 120_000]) {
      await authenticator.authenticate('abc');
      clock.advance(ms);
    }
    provider.answer = () => refused;
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    provider.answer = accepted;
    clock.advance(2_000);
    await authenticator.authenticate('abc', { maxAgeMs: 0 });
    expect(authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    clock.advance(30_000);
    expect(authenticator.authenticate('abc')).toBeInstanceOf(Promise);
  });

  it('serves in an outage for its own life and staleIfErrorMs', async () => {
    const authenticator = instance();
    for (const ms of [30_000, 60_000, 120_000, 240_000]) {
      await authenticator.authenticate('abc');
      clock.advance(ms);
    }
    await authenticator.authenticate('abc');
    await authenticator.authenticate('new');
    provider.answer = () => unknown;
    clock.advance(330_000);
    expect(await authenticator.authenticate('new')).toMatchObject({ status: 'unknown' });
    clock.advance(269_999);
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    clock.advance(1);
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'unknown' });
  });
});

describe('processes that share verdicts', () => {
  it('do not add up: ten that are used in turn let a life grow as one does', async () => {
    const instances = Array.from({ length: 10 }, () => instance({}, true));
    const ages: number[] = [];
    let askedAt = clock.monotonicNow();
    for (let second = 0; second < 900; second += 3) {
      const before = count();
      await (instances[second % 10] as CachingAuthenticator).authenticate('abc');
      await settle();
      if (count() > before) {
        ages.push((clock.monotonicNow() - askedAt) / 1_000);
        askedAt = clock.monotonicNow();
      }
      clock.advance(3_000);
    }
    const [, first, second, third, fourth] = ages as [number, number, number, number, number];
    expect(first).toBeLessThanOrEqual(30);
    expect(second).toBeLessThanOrEqual(60);
    expect(third).toBeLessThanOrEqual(120);
    expect(fourth).toBeLessThanOrEqual(240);
    expect(ages.length).toBeLessThanOrEqual(7);
  });

  it('renew a verdict in the background before it ends, and only one of them asks', async () => {
    const [one, other] = [instance({}, true), instance({}, true)];
    await one.authenticate('abc');
    await other.authenticate('abc');
    clock.advance(25_000);
    for (const each of [one, other]) {
      expect(each.authenticate('abc')).toMatchObject({ status: 'valid' });
      await settle();
    }
    expect(count()).toBe(2);
    clock.advance(50_000);
    for (const each of [one, other]) expect(each.authenticate('abc')).toMatchObject({ status: 'valid' });
  });

  it('let a new one serve a player in an outage, within the reserve and the rules of the route', async () => {
    await instance({}, true).authenticate('abc');
    provider.answer = () => unknown;
    clock.advance(329_999);
    const newcomer = instance({}, true);
    expect(await newcomer.authenticate('abc', { allowStale: false })).toMatchObject({ status: 'unknown' });
    expect(await newcomer.authenticate('abc', { maxAgeMs: 0 })).toMatchObject({ status: 'unknown' });
    isBanned = true;
    expect(await newcomer.authenticate('abc')).toMatchObject({ status: 'invalid', reason: 'revoked_token' });
    isBanned = false;
    expect(await newcomer.authenticate('abc')).toMatchObject({ status: 'valid', principal: { userId: 'abc' } });
    clock.advance(1);
    expect(await newcomer.authenticate('abc')).toMatchObject({ status: 'unknown' });
    expect(await instance({}, true).authenticate('abc')).toMatchObject({ status: 'unknown' });
  });

  it('read the revocations that concern an old verdict before it serves', async () => {
    await instance({}, true).authenticate('abc');
    provider.answer = () => unknown;
    clock.advance(60_000);
    const learnt: string[] = [];
    const newcomer = new CachingAuthenticator({
      providers: new IdentityProviders([provider]),
      options: { ...VERIFICATION_OPTIONS, circuit: false },
      clock,
      revocations: {
        ...revocations,
        learn: async () => {
          learnt.push('read');
          isBanned = true;
        },
      },
      sharedCache: new MemorySharedCache(entries),
    });
    expect(await newcomer.authenticate('abc')).toMatchObject({ reason: 'revoked_token' });
    expect(learnt).toEqual(['read']);
  });

  it('let a new one ask about known players first, before newcomers', async () => {
    await instance({}, true).authenticate('abc');
    clock.advance(60_000);
    const asked: unknown[] = [];
    const budget = ({ known }: { known: boolean }) => asked.push(known) > 0;
    const newcomer = instance({ budget }, true);
    await newcomer.authenticate('abc');
    await newcomer.authenticate('def');
    expect(asked).toEqual([true, false]);
  });

  it('use one verdict for routes with different requirements', async () => {
    await instance({}, true).authenticate('abc', { provider: 'nowgg', tokenType: 'token' });
    await instance({}, true).authenticate('abc');
    await instance({}, true).authenticate('abc', { tokenType: 'token' });
    expect(count()).toBe(1);
    await instance({}, true).authenticate('abc', { tokenType: 'id_token' });
    expect(count()).toBe(2);
  });

  it('with a shorter limit of their own do not use what another let grow for longer', async () => {
    const long = instance({}, true);
    for (const ms of [30_000, 60_000, 120_000]) {
      await long.authenticate('abc');
      clock.advance(ms);
    }
    await long.authenticate('abc');
    clock.advance(45_000);
    const asked = count();
    await instance({ longestAgeMs: 30_000 }, true).authenticate('abc');
    expect(count()).toBe(asked + 1);
  });

  it('forget a token that one of them believes to be refused, in the cache that they share', async () => {
    const [one, other] = [instance({}, true), instance({}, true)];
    await one.authenticate('abc');
    await one.authenticate('def');
    provider.answer = (token) => (token === 'abc' ? refused : accepted(token));
    await one.authenticate('abc', { maxAgeMs: 0 });
    clock.advance(2_000);
    expect(await one.authenticate('abc', { maxAgeMs: 0 })).toMatchObject({ status: 'invalid' });
    expect(await other.authenticate('abc')).toMatchObject({ status: 'invalid' });
  });
});

describe('a verdict for a route with other requirements', () => {
  it('is not asked for again when the same question would be asked', async () => {
    const authenticator = instance();
    await authenticator.authenticate('abc', { provider: 'nowgg', tokenType: 'token' });
    await authenticator.authenticate('abc');
    await authenticator.authenticate('abc', { provider: 'nowgg' });
    expect(count()).toBe(1);
    expect(authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
  });

  it('is asked for when the question or the freshness would differ', async () => {
    const authenticator = instance();
    await authenticator.authenticate('abc', { provider: 'nowgg', tokenType: 'token' });
    await authenticator.authenticate('abc', { tokenType: 'id_token' });
    clock.advance(5_000);
    await authenticator.authenticate('abc', { maxAgeMs: 5_000 });
    expect(provider.asked.map(({ tokenType }) => tokenType)).toEqual(['token', 'id_token', 'token']);
  });
});
