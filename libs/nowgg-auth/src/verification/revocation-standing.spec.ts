import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityProviders } from '../identity/identity-providers.js';
import { DEFAULTS } from '../options/defaults.js';
import type { ResolvedRevocationOptions } from '../options/options.js';
import { IssuedTokens } from '../revocation/issued-tokens.js';
import { NowggRevocationService } from '../revocation/nowgg-revocation.service.js';
import { RevocationFeed } from '../revocation/revocation-feed.js';
import { factsOf, FakeIdentityProvider } from '../testing-support/fake-identity-provider.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { captureSecurityEvents } from '../testing-support/security-events.js';
import { SharedRevocationStore } from '../testing-support/shared-revocation-store.js';
import { CachingAuthenticator } from './caching-authenticator.js';

const turn = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
const revoked = { status: 'invalid', reason: 'revoked_token' };
const unknown = { status: 'unknown', reason: 'revocations_unknown' };

/** The tokens that a vault handed out. */
class FakeIssuedTokens extends IssuedTokens {
  readonly begunAt = new Map<string, number>();
  asked = 0;
  broken = false;

  override async findBegunAt(provider: string, credentialId: string): Promise<number | undefined> {
    this.asked += 1;
    if (this.broken) throw new Error('the database is away');
    return this.begunAt.get(`${provider} ${credentialId}`);
  }

  override async findScopes(): Promise<undefined> {
    return undefined;
  }
}

let clock: ManualClock;
let store: SharedRevocationStore;
let provider: FakeIdentityProvider;
let issued: FakeIssuedTokens;
let feed: RevocationFeed;
let service: NowggRevocationService;
let authenticator: CachingAuthenticator;

function build(options: Partial<ResolvedRevocationOptions> = {}, withVault = true): void {
  feed = new RevocationFeed(store, clock);
  const providers = new IdentityProviders([provider]);
  service = new NowggRevocationService({ store, feed, providers, clock, clockSkewMs: 5_000 });
  authenticator = new CachingAuthenticator({
    providers,
    options: DEFAULTS.verification,
    clock,
    revocations: feed,
    revocation: { ...DEFAULTS.revocation, ...options },
    issuedTokens: withVault ? issued : undefined,
  });
}

/** A token of the player from an exchange that begins now. */
function handOut(token: string): void {
  issued.begunAt.set(`nowgg ${provider.credentialIdOf(token)}`, clock.now());
}

/** Lets time pass and polls run. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    clock.advance(1_000);
    await turn();
  }
}

beforeEach(() => {
  clock = new ManualClock();
  store = new SharedRevocationStore();
  provider = new FakeIdentityProvider();
  issued = new FakeIssuedTokens();
  provider.answer = () => ({ status: 'valid', facts: factsOf({ userId: 'u', issuedAtMs: undefined }) });
  build();
});
afterEach(() => feed.close());

describe('before revocations have been read for the first time', () => {
  it('every route is answered with 503, a remembered verdict or not, and none once all pages are there', async () => {
    await service.revoke([{ userId: 'a' }, { userId: 'b' }, { userId: 'c' }]);
    build();
    store.pageSize = 1;
    let release: () => void = () => undefined;
    store.beforePage = () =>
      store.reads < 3
        ? Promise.resolve()
        : new Promise((resolve) => {
            release = resolve;
          });
    expect(authenticator.authenticate('abc')).toMatchObject(unknown);
    const starting = feed.start();
    await turn();
    expect(store.reads).toBe(3);
    expect(authenticator.authenticate('abc')).toEqual({ ...unknown, retryAfterSeconds: expect.any(Number) });
    expect(provider.asked).toEqual([]);
    store.beforePage = () => Promise.resolve();
    release();
    await starting;
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
  });

  it('boot waits five seconds and no longer, and reading goes on', async () => {
    let release: () => void = () => undefined;
    const loaded = new Promise<void>((resolve) => {
      release = resolve;
    });
    store.beforePage = () => loaded;
    const starting = feed.start();
    await turn();
    clock.advance(5_000);
    await starting;
    expect(authenticator.authenticate('abc')).toMatchObject(unknown);
    release();
    await turn();
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
  });

  it('routes are served where the application says so, and what is known is refused', async () => {
    build({ beforeFirstLoad: 'serve' });
    store.broken = true;
    await feed.start();
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    const ban = {
      provider: 'nowgg',
      kind: 'user',
      id: 'u',
      issuedUntilMs: clock.now(),
      refusedUntilMs: undefined,
    } as const;
    await feed.write([ban], async () => [ban]);
    expect(await authenticator.authenticate('abc')).toEqual(revoked);
  });

  it('a store that comes late ends the wait with the next poll', async () => {
    store.broken = true;
    await feed.start();
    await pass(3);
    expect(authenticator.authenticate('abc')).toMatchObject(unknown);
    store.broken = false;
    await pass(1);
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
  });
});

describe('with news of revocations that are older than ten seconds', () => {
  const strict = [{ allowStale: false }, { maxAgeMs: 0 }];

  beforeEach(async () => {
    await feed.start();
    await service.revoke({ userId: 'banned' }, { until: new Date(clock.now() + 3_600_000) });
    await authenticator.authenticate('abc');
    store.broken = true;
  });

  it('memory goes on serving without a question, and known bans go on applying', async () => {
    await pass(11);
    expect(authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    expect(provider.asked).toHaveLength(1);
    provider.answer = () => ({ status: 'valid', facts: factsOf({ userId: 'banned' }) });
    expect(await authenticator.authenticate('other')).toMatchObject({ status: 'invalid', reason: 'user_banned' });
  });

  it('an older verdict serves in an outage of the identity system too', async () => {
    provider.answer = () => ({ status: 'unknown', reason: 'timeout' });
    await pass(31);
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
  });

  it.each(strict)('a route with %p is answered with 503', async (policy) => {
    await pass(10);
    expect(await authenticator.authenticate('abc', policy)).toMatchObject({ status: 'valid' });
    await pass(1);
    expect(authenticator.authenticate('abc', policy)).toMatchObject(unknown);
    store.broken = false;
    await pass(1);
    expect(await authenticator.authenticate('abc', policy)).toMatchObject({ status: 'valid' });
  });

  it('every route is answered with 503 where the application says so', async () => {
    await feed.close();
    store.broken = false;
    build({ onUnknown: 'refuse' });
    await feed.start();
    await authenticator.authenticate('abc');
    store.broken = true;
    await pass(11);
    expect(authenticator.authenticate('abc')).toMatchObject(unknown);
  });
});

describe('a token without a time of issue, after a sign-out everywhere', () => {
  beforeEach(async () => {
    await feed.start();
    handOut('old');
    await authenticator.authenticate('old');
    clock.advance(1_000);
    await service.revoke({ userId: 'u' });
    clock.advance(1_000);
  });

  it('is refused when its exchange began before, on the first look and from memory', async () => {
    expect(await authenticator.authenticate('old')).toEqual(revoked);
    expect(await authenticator.authenticate('old')).toEqual(revoked);
    expect(issued.asked).toBe(1);
    expect(provider.asked).toHaveLength(1);
  });

  it('is refused when the vault did not hand it out: first sight proves nothing', async () => {
    expect(await authenticator.authenticate('stolen')).toEqual(revoked);
    expect(await authenticator.authenticate('stolen')).toEqual(revoked);
  });

  it('is good when its exchange began after: signing in again at once works, and later uses look nothing up', async () => {
    handOut('new');
    expect(await authenticator.authenticate('new')).toMatchObject({ status: 'valid' });
    expect(authenticator.authenticate('new')).toMatchObject({ status: 'valid' });
    await pass(31);
    expect(await authenticator.authenticate('new')).toMatchObject({ status: 'valid' });
    expect(issued.asked).toBe(1);
  });

  it('is looked up once for all who come with it at a time', async () => {
    handOut('new');
    const verdicts = await Promise.all(Array.from({ length: 50 }, async () => authenticator.authenticate('new')));
    expect(verdicts.every(({ status }) => status === 'valid')).toBe(true);
    expect(issued.asked).toBe(1);
  });

  it('is refused again by the next sign-out', async () => {
    handOut('new');
    await authenticator.authenticate('new');
    clock.advance(1_000);
    await service.revoke({ userId: 'u' });
    expect(await authenticator.authenticate('new')).toEqual(revoked);
  });

  it('is neither refused nor served while the vault cannot be asked', async () => {
    handOut('new');
    issued.broken = true;
    expect(await authenticator.authenticate('new')).toMatchObject(unknown);
    issued.broken = false;
    expect(await authenticator.authenticate('new')).toMatchObject({ status: 'valid' });
  });

  it('is refused during a ban without a look-up', async () => {
    handOut('new');
    await service.revoke({ userId: 'u' }, { until: new Date(clock.now() + 60_000) });
    const before = issued.asked;
    expect(await authenticator.authenticate('new')).toMatchObject({ status: 'invalid', reason: 'user_banned' });
    expect(issued.asked).toBe(before);
  });

  it('that a process met before it heard of the sign-out is judged by its exchange, too', async () => {
    const other = feed;
    build();
    store.broken = true;
    await feed.start();
    store.broken = false;
    await other.close();
    build({ beforeFirstLoad: 'serve' });
    handOut('new');
    expect(await authenticator.authenticate('new')).toMatchObject({ status: 'valid' });
    await feed.readNow();
    expect(await authenticator.authenticate('new')).toMatchObject({ status: 'valid' });
    expect(await authenticator.authenticate('old')).toEqual(revoked);
  });

  it('is refused for as long as the mark lives in an application without a vault', async () => {
    await feed.close();
    build({}, false);
    await feed.start();
    expect(await authenticator.authenticate('new')).toEqual(revoked);
  });
});

describe('a token whose time of issue is floored to the second of a sign-out', () => {
  it('is good when its exchange began after the sign-out, and refused when it began before', async () => {
    await feed.start();
    const issuedAtMs = Math.floor(clock.now() / 1_000) * 1_000;
    provider.answer = () => ({ status: 'valid', facts: factsOf({ userId: 'u', issuedAtMs }) });
    handOut('old');
    clock.advance(100);
    await service.revoke({ userId: 'u' });
    clock.advance(100);
    handOut('new');
    expect(await authenticator.authenticate('new')).toMatchObject({ status: 'valid' });
    expect(await authenticator.authenticate('old')).toEqual(revoked);
  });
});

describe('a token that was issued ahead of our clock', () => {
  const answering = (aheadMs: number) => {
    const issuedAtMs = clock.now() + aheadMs;
    provider.answer = () => ({
      status: 'valid',
      facts: factsOf({ userId: 'u', issuedAtMs, expiresAtMs: issuedAtMs + 3_600_000 }),
    });
  };

  beforeEach(() => feed.start());

  it.each([
    [5_000, { status: 'valid' }, []],
    [5_001, { status: 'unknown', reason: 'issued_in_the_future' }, ['issued_in_the_future']],
    [300_000, { status: 'unknown', reason: 'issued_in_the_future' }, ['issued_in_the_future']],
    [300_001, { status: 'invalid', reason: 'invalid_token' }, ['issued_in_the_future']],
  ])('by %d ms is %p', async (aheadMs, verdict, types) => {
    answering(aheadMs);
    using events = captureSecurityEvents();
    expect(await authenticator.authenticate('abc')).toMatchObject(verdict);
    expect(events.seen.map(({ type }) => type)).toEqual(types);
    expect(JSON.stringify(events.seen)).not.toContain('abc');
  });

  it('is good as soon as our clock is there, and stays good when it is set back', async () => {
    answering(30_000);
    expect(await authenticator.authenticate('abc')).toMatchObject({ reason: 'issued_in_the_future' });
    clock.advance(25_000);
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    clock.stepWallClock(-20_000);
    expect(authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
  });
});
