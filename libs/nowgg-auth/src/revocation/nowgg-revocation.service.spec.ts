import { beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityUnavailableError } from '../errors.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { factsOf, FakeIdentityProvider } from '../testing-support/fake-identity-provider.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { CachingAuthenticator } from '../verification/caching-authenticator.js';
import { DEFAULTS } from '../options/defaults.js';
import { MemoryRevocationStore } from './memory-revocation-store.js';
import { NowggRevocationService, type RevocationTarget } from './nowgg-revocation.service.js';
import { RevocationFeed } from './revocation-feed.js';
import type { RevocationChanges } from './revocation-store.js';

/** A store that several feeds share, and that can fail. */
class SharedMemoryStore extends MemoryRevocationStore {
  override readonly isShared = true as never;
  broken = false;

  override async changesSince(): Promise<RevocationChanges> {
    if (this.broken) throw new IdentityUnavailableError();
    return super.changesSince();
  }
}

const turn = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

let clock: ManualClock;
let store: SharedMemoryStore;
let provider: FakeIdentityProvider;

/** What one process has. */
function node() {
  const feed = new RevocationFeed(store, clock);
  const providers = new IdentityProviders([provider]);
  const service = new NowggRevocationService({ store, feed, providers, clock, clockSkewMs: 5_000 });
  const options = DEFAULTS.verification;
  const authenticator = new CachingAuthenticator({ providers, options, clock, revocations: feed });
  return { feed, service, authenticator };
}

beforeEach(() => {
  clock = new ManualClock();
  store = new SharedMemoryStore();
  provider = new FakeIdentityProvider();
  provider.answer = () => ({
    status: 'valid',
    facts: factsOf({ userId: 'u', sessionId: 's', tokenId: 't', issuedAtMs: clock.now() }),
  });
});

describe('a revocation', () => {
  it.each<[string, RevocationTarget]>([
    ['user', { userId: 'u' }],
    ['session', { sessionId: 's' }],
    ['token id', { tokenId: 't' }],
    ['token', { token: 'abc' }],
  ])('of a %s refuses the cached token at once here, and elsewhere after the next poll', async (_what, target) => {
    const [here, there] = [node(), node()];
    await Promise.all([here.feed.start(), there.feed.start()]);
    await Promise.all([here.authenticator.authenticate('abc'), there.authenticator.authenticate('abc')]);
    await here.service.revoke(target);
    const revoked = { status: 'invalid', reason: 'revoked_token' };
    expect(here.authenticator.authenticate('abc')).toEqual(revoked);
    expect(there.authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    clock.advance(1_000);
    await turn();
    expect(there.authenticator.authenticate('abc')).toEqual(revoked);
    expect(await there.service.isRevoked(target)).toBe(true);
    await Promise.all([here.feed.close(), there.feed.close()]);
  });

  it('lets in what is issued after it, but for the skew', async () => {
    const { authenticator, service } = node();
    await service.revoke({ userId: 'u' });
    clock.advance(5_000);
    expect(await authenticator.authenticate('soon')).toMatchObject({ reason: 'revoked_token' });
    clock.advance(1);
    expect(await authenticator.authenticate('later')).toMatchObject({ status: 'valid' });
  });

  it('until a date refuses new sign-ins too, and ends by itself', async () => {
    const { authenticator, service } = node();
    await service.revoke({ userId: 'u' }, { until: new Date(clock.now() + 60_000) });
    clock.advance(59_000);
    expect(await authenticator.authenticate('new')).toMatchObject({ reason: 'revoked_token' });
    clock.advance(1_000);
    expect(await authenticator.authenticate('newer')).toMatchObject({ status: 'valid' });
    expect(await service.isRevoked({ userId: 'u' })).toBe(false);
  });

  it('can be lifted', async () => {
    const { authenticator, service } = node();
    await service.revoke({ userId: 'u' });
    await service.restore({ userId: 'u' });
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
  });

  it('of a user is told to whoever keeps something of his', async () => {
    const { service } = node();
    const told: unknown[] = [];
    service.onUserRevoked(async (user) => told.push(user));
    await service.revoke({ userId: 'u' });
    await service.revoke({ sessionId: 's' });
    expect(told).toEqual([{ provider: 'nowgg', userId: 'u' }]);
  });

  it('overtakes a question that is under way', async () => {
    const { authenticator, service } = node();
    let answer: () => void = () => undefined;
    const valid = await provider.answer('', 'token');
    provider.answer = () =>
      new Promise((resolve) => {
        answer = () => resolve(valid);
      });
    const underway = authenticator.authenticate('abc');
    await turn();
    await service.revoke({ userId: 'u' });
    answer();
    expect(await underway).toEqual({ status: 'invalid', reason: 'revoked_token' });
  });

  it.each([
    [{}],
    [{ userId: 'u', sessionId: 's' }],
    [{ userId: '' }],
    [{ userId: 'a\u0000' }],
    [{ token: '' }],
    [{ userId: 7 }],
  ])('of %p is refused', async (target) => {
    const { service } = node();
    await expect(service.revoke(target as never)).rejects.toMatchObject({ errorCode: 'invalid_request' });
  });

  it.each([[new Date(0)], [new Date(Number.NaN)]])('until %p is refused', async (until) => {
    const { service } = node();
    await expect(service.revoke({ userId: 'u' }, { until })).rejects.toMatchObject({ errorCode: 'invalid_request' });
  });
});

describe('news of bans that are older than ten seconds', () => {
  it('end the trust in memory, also in an outage, until they can be read again', async () => {
    const { authenticator, feed } = node();
    await feed.start();
    await authenticator.authenticate('abc');
    store.broken = true;
    for (let second = 0; second < 10; second += 1) {
      clock.advance(1_000);
      await turn();
    }
    expect(authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    clock.advance(1);
    provider.answer = () => ({ status: 'unknown', reason: 'timeout' });
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'unknown' });
    store.broken = false;
    await feed.readNow();
    expect(authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    await feed.close();
  });
});
