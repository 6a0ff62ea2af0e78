import { beforeEach, describe, expect, it } from '@jest/globals';
import type { IdentityVerdict } from '../identity/identity-provider.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { factsOf, FakeIdentityProvider, jwsOf } from '../testing-support/fake-identity-provider.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { MemorySharedCache, MemorySharedEntries } from '../testing-support/memory-shared-cache.js';
import { NO_REVOCATIONS } from '../testing-support/no-revocations.js';
import { VERIFICATION_OPTIONS } from '../testing-support/verification-options.js';
import { CachingAuthenticator } from './caching-authenticator.js';
import { instantOf } from './decision/verification-result.js';
import { ClientEvidences } from './evidence/client-evidence.js';

const refused: IdentityVerdict = { status: 'invalid', reason: 'invalid_token' };

let clock: ManualClock;
let provider: FakeIdentityProvider;
let entries: MemorySharedEntries;
let isBanned: boolean;
let learnt: number;

beforeEach(() => {
  clock = new ManualClock();
  provider = new FakeIdentityProvider();
  provider.grows = true;
  entries = new MemorySharedEntries(clock);
  isBanned = false;
  learnt = 0;
});

function instance() {
  const providers = new IdentityProviders([provider]);
  const evidence = new ClientEvidences(providers, clock, VERIFICATION_OPTIONS);
  const authenticator = new CachingAuthenticator({
    providers,
    options: VERIFICATION_OPTIONS,
    clock,
    revocations: {
      ...NO_REVOCATIONS,
      refuses: () => isBanned,
      learn: async () => {
        learnt += 1;
      },
    },
    sharedCache: new MemorySharedCache(entries),
    evidence,
  });
  return { authenticator, evidence: evidence.of('nowgg') };
}

const facts = factsOf({ userId: 'player' });
const prime = ({ authenticator }: ReturnType<typeof instance>, given = facts, issuedAt = instantOf(clock)) =>
  authenticator.priming.prime('new', provider, given, issuedAt);

describe('a token that was just issued', () => {
  it('is used without a request, on every route that would ask the same, here and in other processes', async () => {
    const here = instance();
    await prime(here);
    for (const { authenticator } of [here, instance()]) {
      for (const policy of [undefined, { tokenType: 'token' }, { provider: 'nowgg' }] as const) {
        expect(await authenticator.authenticate('new', policy)).toMatchObject({ principal: { userId: 'player' } });
      }
    }
    expect(provider.asked).toEqual([]);
    expect(learnt).toBeGreaterThan(0);
  });

  it('is verified after the first life of a verdict, counted from when the request for it was sent', async () => {
    const here = instance();
    const issuedAt = instantOf(clock);
    clock.advance(10_000);
    await prime(here, facts, issuedAt);
    clock.advance(19_999);
    expect(await here.authenticator.authenticate('new')).toMatchObject({ status: 'valid' });
    clock.advance(1);
    provider.answer = () => ({ status: 'invalid', reason: 'expired_token' });
    expect(await here.authenticator.authenticate('new')).toMatchObject({ status: 'invalid' });
  });

  it('is verified at once where a route asks now', async () => {
    const here = instance();
    await prime(here);
    await here.authenticator.authenticate('new', { maxAgeMs: 0 });
    expect(provider.asked).toHaveLength(1);
  });

  it('is refused by a ban, and at its exp', async () => {
    const here = instance();
    await prime(here, factsOf({ expiresAtMs: clock.now() + 5_000 }));
    isBanned = true;
    expect(await here.authenticator.authenticate('new')).toMatchObject({ reason: 'revoked_token' });
    isBanned = false;
    clock.advance(5_000);
    expect(await here.authenticator.authenticate('new')).toMatchObject({ reason: 'expired_token' });
  });

  it('neither proves the client secret nor is asked about to test it, not even in another process', async () => {
    const here = instance();
    await prime(here);
    const other = instance();
    await other.authenticator.authenticate('new');
    provider.answer = () => refused;
    for (const { authenticator, evidence } of [here, other]) {
      expect(await evidence.askCanary()).toBe('none');
      // As in a process that has accepted nothing: the third plausible stranger leaves the secret in doubt.
      for (const stranger of [1, 2, 3]) await authenticator.authenticate(jwsOf({ aud: 'nowgg', tokenId: stranger }));
      expect(evidence.hasDoubt).toBe(true);
    }
  });

  it('and that was refused here is not believed on its own word', async () => {
    const here = instance();
    provider.answer = (asked) => (asked === 'new' ? refused : { status: 'valid', facts });
    await here.authenticator.authenticate('other');
    await here.authenticator.authenticate('new');
    await prime(here);
    expect(await here.authenticator.authenticate('new')).not.toMatchObject({ status: 'valid' });
    expect(entries.entries.size).toBe(1);
  });

  it('does not replace what the identity system has said about it', async () => {
    const here = instance();
    provider.answer = () => ({ status: 'valid', facts: factsOf({ userId: 'as verified' }) });
    await here.authenticator.authenticate('new');
    await prime(here);
    expect(await here.authenticator.authenticate('new')).toMatchObject({ principal: { userId: 'as verified' } });
    expect(await instance().authenticator.authenticate('new')).toMatchObject({ principal: { userId: 'as verified' } });
  });

  it('is neither remembered nor shared when it was issued ahead of our clock', async () => {
    const here = instance();
    await prime(here, factsOf({ issuedAtMs: clock.now() + 60_000 }));
    expect(entries.entries.size).toBe(0);
    await here.authenticator.authenticate('new');
    expect(provider.asked).toHaveLength(1);
  });
});

describe('the first acceptance of a token that was handed out for a grant', () => {
  const confirmed: string[] = [];
  const tokenOwners = {
    confirm: async (_provider: string, token: string, userId: string) => {
      confirmed.push(token);
      return userId === 'player';
    },
  };

  beforeEach(() => {
    confirmed.length = 0;
    provider.contradicts = ({ claims }, { userId }) => claims.userId !== undefined && claims.userId !== userId;
  });

  it.each([
    ['is opaque', 'opaque', ['opaque']],
    ['is a JWS without its user', jwsOf({ aud: 'nowgg' }), [jwsOf({ aud: 'nowgg' })]],
    ['names its user, compared when it was refreshed', jwsOf({ aud: 'nowgg', userId: 'player' }), []],
  ])('must name the user of the grant, if it %s', async (_, token, asked) => {
    const authenticator = new CachingAuthenticator({
      providers: new IdentityProviders([provider]),
      options: VERIFICATION_OPTIONS,
      clock,
      revocations: NO_REVOCATIONS,
      tokenOwners,
    });
    provider.answer = () => ({ status: 'valid', facts });
    expect(await authenticator.authenticate(token)).toMatchObject({ status: 'valid' });
    expect(confirmed).toEqual(asked);
    if (asked.length === 0) return;
    provider.answer = () => ({ status: 'valid', facts: factsOf({ userId: 'another' }) });
    const fresh = `${token}x`;
    expect(await authenticator.authenticate(fresh)).toMatchObject({ status: 'invalid' });
  });
});
