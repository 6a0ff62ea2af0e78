import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityProviders } from '../identity/identity-providers.js';
import { factsOf, FakeIdentityProvider } from '../testing-support/fake-identity-provider.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { CachingAuthenticator } from '../verification/caching-authenticator.js';
import { DEFAULTS } from '../options/defaults.js';
import { captureSecurityEvents } from '../testing-support/security-events.js';
import { SharedRevocationStore } from '../testing-support/shared-revocation-store.js';
import { NowggRevocationService, type RevocationTarget } from './nowgg-revocation.service.js';
import { RevocationFeed } from './revocation-feed.js';

const turn = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

let clock: ManualClock;
let store: SharedRevocationStore;
let provider: FakeIdentityProvider;
const feeds: RevocationFeed[] = [];

/** The parts of one process, after it has read all that the store has so far. */
async function node() {
  const feed = new RevocationFeed(store, clock);
  const providers = new IdentityProviders([provider]);
  const service = new NowggRevocationService({ store, feed, providers, clock, clockSkewMs: 5_000 });
  const options = DEFAULTS.verification;
  const authenticator = new CachingAuthenticator({ providers, options, clock, revocations: feed });
  await feed.start();
  feeds.push(feed);
  return { feed, service, authenticator };
}

beforeEach(() => {
  clock = new ManualClock();
  store = new SharedRevocationStore();
  store.nowMs = () => clock.now();
  provider = new FakeIdentityProvider();
  provider.answer = () => ({
    status: 'valid',
    facts: factsOf({ userId: 'u', sessionId: 's', tokenId: 't', issuedAtMs: clock.now() }),
  });
});

afterEach(async () => {
  await Promise.all(feeds.splice(0).map((feed) => feed.close()));
});

describe('a revocation', () => {
  it.each<[string, RevocationTarget]>([
    ['user', { userId: 'u' }],
    ['session', { sessionId: 's' }],
    ['token id', { tokenId: 't' }],
    ['token', { token: 'abc' }],
  ])('of a %s refuses the cached token at once here, and elsewhere after the next poll', async (_what, target) => {
    const [here, there] = [await node(), await node()];
    await Promise.all([here.authenticator.authenticate('abc'), there.authenticator.authenticate('abc')]);
    await here.service.revoke(target);
    const revoked = { status: 'invalid', reason: 'revoked_token' };
    expect(here.authenticator.authenticate('abc')).toEqual(revoked);
    expect(there.authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    clock.advance(1_000);
    await turn();
    expect(there.authenticator.authenticate('abc')).toEqual(revoked);
    expect(await there.service.isRevoked(target)).toBe(true);
  });

  it('lets in what is issued after it, but for the skew', async () => {
    const { authenticator, service } = await node();
    await service.revoke({ userId: 'u' });
    clock.advance(5_000);
    expect(await authenticator.authenticate('soon')).toMatchObject({ reason: 'revoked_token' });
    clock.advance(1);
    expect(await authenticator.authenticate('later')).toMatchObject({ status: 'valid' });
  });

  it('until a date refuses new sign-ins too, and ends by itself', async () => {
    const { authenticator, service } = await node();
    await service.revoke({ userId: 'u' }, { until: new Date(clock.now() + 60_000) });
    clock.advance(59_000);
    expect(await authenticator.authenticate('new')).toMatchObject({ reason: 'user_banned' });
    clock.advance(1_000);
    expect(await authenticator.authenticate('newer')).toMatchObject({ status: 'valid' });
    expect(await service.isRevoked({ userId: 'u' })).toBe(false);
  });

  it('of a wrong reason or author is refused, by the name of the field and never its value', async () => {
    const { service } = await node();
    const until = new Date(clock.now() + 60_000);
    const reason = (code: unknown, text?: unknown) => ({
      until,
      reason: { code, ...(text !== undefined && { text }) },
    });
    const faulty: [object, RegExp][] = [
      [{ reason: { code: 'cheating' } }, /^reason needs until/],
      [reason(''), /^reason\.code/],
      [reason('x'.repeat(65)), /^reason\.code/],
      [reason('a b'), /^reason\.code/],
      [reason(7), /^reason\.code/],
      [{ until, reason: null }, /^reason\.code/],
      [reason('a', ''), /^reason\.text/],
      [reason('a', ' '), /^reason\.text/],
      [reason('a', 'x'.repeat(501)), /^reason\.text/],
      [reason('a', 'line\nline'), /^reason\.text/],
      [reason('a', 'planted\u202Ereversed'), /^reason\.text/],
      [reason('a', '\ud800'), /^reason\.text/],
      [reason('a', { toString: () => 'x' }), /^reason\.text/],
      [{ until, by: '' }, /^by must/],
      [{ by: 'x'.repeat(256) }, /^by must/],
    ];
    for (const [options, message] of faulty) {
      await expect(service.revoke({ userId: 'u' }, options as never)).rejects.toThrow(message);
    }
    await expect(service.restore({ userId: 'u' }, { by: '\n' })).rejects.toThrow(/^by must/);
    expect(await service.isRevoked({ userId: 'u' })).toBe(false);
    expect(store.writes).toBe(0);
  });

  it('tells its author and its reason in the event, and not whom it concerns', async () => {
    const { service } = await node();
    using events = captureSecurityEvents();
    const until = new Date(clock.now() + 60_000);
    await service.revoke({ userId: 'u' }, { until, reason: { code: 'cheating', text: 'Aim help' }, by: 'desk-7' });
    await service.revoke({ userId: 'u' }, { by: 'desk-8' });
    await service.restore({ userId: 'u' }, { by: 'desk-9' });
    expect(events.seen).toEqual([
      { type: 'banned', provider: 'nowgg', by: 'desk-7', reasonCode: 'cheating' },
      { type: 'revoked', provider: 'nowgg', by: 'desk-8' },
      { type: 'restored', provider: 'nowgg', by: 'desk-9' },
    ]);
  });

  it('can be lifted', async () => {
    const { authenticator, service } = await node();
    await service.revoke({ userId: 'u' });
    await service.restore({ userId: 'u' });
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
  });

  it('of a user is told to what keeps something of theirs', async () => {
    const { service } = await node();
    const told: unknown[] = [];
    service.onUserRevoked(async (user) => told.push(user));
    await service.revoke({ userId: 'u' });
    await service.revoke({ sessionId: 's' });
    expect(told).toEqual([{ provider: 'nowgg', userId: 'u' }]);
  });

  it('overtakes a question that is under way', async () => {
    const { authenticator, service } = await node();
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
    const { service } = await node();
    await expect(service.revoke(target as never)).rejects.toMatchObject({ errorCode: 'invalid_request' });
  });

  it.each([[new Date(0)], [new Date(Number.NaN)]])('until %p is refused', async (until) => {
    const { service } = await node();
    await expect(service.revoke({ userId: 'u' }, { until })).rejects.toMatchObject({ errorCode: 'invalid_request' });
  });

  it('of many is one write, and names each kind of event', async () => {
    const { authenticator, service } = await node();
    await authenticator.authenticate('abc');
    using events = captureSecurityEvents();
    await service.revoke([{ userId: 'u' }, { userId: 'other' }, { sessionId: 'x' }, { userId: 'u' }]);
    expect(store.writes).toBe(1);
    expect(authenticator.authenticate('abc')).toMatchObject({ reason: 'revoked_token' });
    await service.revoke({ userId: 'u' }, { until: new Date(clock.now() + 1_000) });
    await service.restore({ userId: 'u' });
    expect(events.seen.map(({ type, provider: name }) => `${type} ${name}`)).toEqual([
      ...Array.from({ length: 4 }, () => 'revoked nowgg'),
      'banned nowgg',
      'restored nowgg',
    ]);
  });

  it('of one bad target among several writes nothing', async () => {
    const { service } = await node();
    await expect(service.revoke([{ userId: 'u' }, { userId: '' }])).rejects.toMatchObject({
      errorCode: 'invalid_request',
    });
    expect(store.writes).toBe(0);
  });

  it('of a grant is one write: a mark for each token that has not expired, and one for its session if it is given', async () => {
    const { feed, service } = await node();
    const credentialId = (fill: string) => fill.repeat(43);
    const token = (fill: string, notAfterMs: number | undefined) => ({ credentialId: credentialId(fill), notAfterMs });
    const tokens = [token('A', clock.now() + 3_600_000), token('E', clock.now()), token('I', undefined)];
    await service.refuseTokensOf({ provider: 'nowgg', userId: 'u', sessionId: undefined, tokens });
    const found = () =>
      ['A', 'E', 'I'].map((fill) => feed.find({ provider: 'nowgg', kind: 'credential', id: credentialId(fill) }));
    expect(store.writes).toBe(1);
    expect(found()).toEqual([
      expect.objectContaining({ notAfterMs: clock.now() + 3_600_000 }),
      undefined,
      expect.objectContaining({ issuedUntilMs: clock.now() + 5_000, notAfterMs: undefined }),
    ]);
    expect(feed.find({ provider: 'nowgg', kind: 'session', id: 's' })).toBeUndefined();
    await service.refuseTokensOf({ provider: 'nowgg', userId: 'u', sessionId: 's', tokens });
    expect(store.writes).toBe(2);
    expect(feed.find({ provider: 'nowgg', kind: 'session', id: 's' })).toMatchObject({
      notAfterMs: clock.now() + 3_600_000,
    });
    await service.refuseTokensOf({ provider: 'nowgg', userId: 'u', sessionId: undefined, tokens: [] });
    expect(store.writes).toBe(2);
  });

  it.each([-5_001, -5_000, -1_000, 0, 999, 1_000, 4_000, 5_000])(
    'reaches a token whose issuer is %d ms ahead of us, seconds floored',
    async (aheadMs) => {
      const { authenticator, service } = await node();
      const issuedAtMs = Math.floor((clock.now() + aheadMs) / 1_000) * 1_000;
      provider.answer = () => ({ status: 'valid', facts: factsOf({ userId: 'u', issuedAtMs }) });
      expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
      await service.revoke({ userId: 'u' });
      expect(authenticator.authenticate('abc')).toMatchObject({ reason: 'revoked_token' });
    },
  );

  it.each(['seen before', 'seen after'])(
    'reaches a token of an issuer that is 30 s ahead, first %s it, when it is taken at last',
    async (when) => {
      const { authenticator, service } = await node();
      const issuedAtMs = clock.now() + 30_000;
      provider.answer = () => ({ status: 'valid', facts: factsOf({ userId: 'u', issuedAtMs }) });
      const ahead = { status: 'unknown', reason: 'issued_in_the_future' };
      if (when === 'seen before') await authenticator.authenticate('abc');
      await service.revoke({ userId: 'u' });
      expect(await authenticator.authenticate('abc')).toMatchObject(ahead);
      clock.advance(26_000);
      expect(await authenticator.authenticate('abc')).toMatchObject({ reason: 'revoked_token' });
      provider.answer = () => ({ status: 'valid', facts: factsOf({ userId: 'u', issuedAtMs: clock.now() + 30_000 }) });
      expect(await authenticator.authenticate('newer')).toMatchObject(ahead);
    },
  );

  it('is forgotten when tokens that it names have expired, and not before', async () => {
    const { feed, service } = await node();
    await service.revoke({ userId: 'u' });
    clock.advance(23 * 3_600_000);
    await turn();
    expect(feed.find({ provider: 'nowgg', kind: 'user', id: 'u' })).toBeDefined();
    expect(await service.isRevoked({ userId: 'u' })).toBe(true);
    clock.advance(2 * 3_600_000);
    expect(await service.isRevoked({ userId: 'u' })).toBe(false);
    const fresh = await node();
    expect(fresh.feed.find({ provider: 'nowgg', kind: 'user', id: 'u' })).toBeUndefined();
  });
});

describe('the longest life of tokens', () => {
  const old = { userId: 'u', expiresAtMs: undefined };

  it('is learnt before the first such token is decided about: marks that it concerns are read first', async () => {
    const first = await node();
    await first.service.revoke({ userId: 'u' });
    clock.advance(25 * 3_600_000);
    const second = await node();
    expect(second.feed.find({ provider: 'nowgg', kind: 'user', id: 'u' })).toBeUndefined();
    provider.answer = () => ({ status: 'valid', facts: factsOf({ ...old, issuedAtMs: clock.now() - 26 * 3_600_000 }) });
    const verdict = second.authenticator.authenticate('abc');
    await turn();
    clock.advance(50);
    expect(await verdict).toEqual({ status: 'invalid', reason: 'revoked_token' });
    expect(store.lives.get('nowgg')).toBe(30 * 24 * 3_600_000);
  });

  it('is kept for processes that start later, and never shrinks', async () => {
    store.lives.set('nowgg', 60 * 24 * 3_600_000);
    await (await node()).service.revoke({ userId: 'u' });
    clock.advance(50 * 24 * 3_600_000);
    const { feed } = await node();
    expect(feed.find({ provider: 'nowgg', kind: 'user', id: 'u' })).toBeDefined();
  });
});
