import { beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityProviders } from '../identity/identity-providers.js';
import { DEFAULTS } from '../options/defaults.js';
import { IssuedTokens } from '../revocation/issued-tokens.js';
import { factsOf, FakeIdentityProvider } from '../testing-support/fake-identity-provider.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { MemorySharedCache, MemorySharedEntries } from '../testing-support/memory-shared-cache.js';
import { NO_REVOCATIONS } from '../testing-support/no-revocations.js';
import { CachingAuthenticator } from './caching-authenticator.js';
import { areScopesUnknown } from './decision/unknown-scopes.js';
import type { SharedCache } from './cache/shared-cache.js';

const turn = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** The tokens that a vault handed out, in a database that can be away or silent. */
class FakeIssuedTokens extends IssuedTokens {
  readonly scopes = new Map<string, readonly string[]>();
  asked = 0;
  mood: 'up' | 'broken' | 'silent' = 'up';

  override async findBegunAt(): Promise<undefined> {
    return undefined;
  }

  override async findScopes(provider: string, credentialId: string): Promise<readonly string[] | undefined> {
    this.asked += 1;
    if (this.mood === 'silent') await new Promise(() => undefined);
    if (this.mood === 'broken') throw new Error('the database is away');
    return this.scopes.get(`${provider} ${credentialId}`);
  }
}

describe('the scopes of a token about which the identity system states none', () => {
  let clock: ManualClock;
  let provider: FakeIdentityProvider;
  let issued: FakeIssuedTokens;

  const build = (sharedCache?: SharedCache, issuedTokens: IssuedTokens | undefined = issued) =>
    new CachingAuthenticator({
      providers: new IdentityProviders([provider]),
      options: DEFAULTS.verification,
      clock,
      revocations: NO_REVOCATIONS,
      issuedTokens,
      sharedCache,
    });
  const handOut = (token: string, scopes: readonly string[]) => {
    issued.scopes.set(`nowgg ${provider.credentialIdOf(token)}`, scopes);
  };
  const scopesOf = async (authenticator: CachingAuthenticator, policy?: { maxAgeMs: number }) => {
    const verdict = await authenticator.authenticate('token-1', policy);
    if (verdict.status !== 'valid') throw new Error(verdict.reason);
    return areScopesUnknown(verdict.principal) ? 'unknown' : verdict.principal.scopes;
  };

  beforeEach(() => {
    clock = new ManualClock();
    issued = new FakeIssuedTokens();
    provider = new FakeIdentityProvider();
    provider.answer = () => ({
      status: 'valid',
      facts: factsOf({ userId: 'player-1', scopes: [], areScopesUnstated: true, expiresAtMs: clock.now() + 3_600_000 }),
    });
  });

  it('are those that were granted with it, looked up once for each verdict and for none that is remembered', async () => {
    handOut('token-1', ['phone']);
    const authenticator = build();
    const seen = await Promise.all(Array.from({ length: 20 }, async () => scopesOf(authenticator)));
    for (let hit = 0; hit < 20; hit += 1) seen.push(await scopesOf(authenticator));
    expect([new Set(seen.map(String)), issued.asked]).toEqual([new Set(['phone']), 1]);
    clock.advance(DEFAULTS.verification.maxAgeMs + 1);
    issued.mood = 'broken';
    expect([await scopesOf(authenticator), issued.asked]).toEqual([['phone'], 1]);
  });

  it('are none for a token that was not handed out here, until it is', async () => {
    const authenticator = build();
    expect([await scopesOf(authenticator), issued.asked]).toEqual([[], 1]);
    handOut('token-1', ['phone']);
    clock.advance(DEFAULTS.verification.maxAgeMs + 1);
    expect(await scopesOf(authenticator)).toEqual(['phone']);
  });

  it('are not looked up where the system states them, where it refuses, and without a vault', async () => {
    handOut('token-1', ['phone']);
    const { answer } = provider;
    provider.answer = () => ({ status: 'valid', facts: factsOf({ userId: 'player-1', scopes: [] }) });
    expect(await scopesOf(build())).toEqual([]);
    provider.answer = () => ({ status: 'invalid', reason: 'invalid_token', independentOfClient: true });
    expect((await build().authenticate('token-1')).status).toBe('invalid');
    provider.answer = answer;
    expect(issued.asked).toBe(0);
    const withoutVault = new CachingAuthenticator({
      providers: new IdentityProviders([provider]),
      options: DEFAULTS.verification,
      clock,
      revocations: NO_REVOCATIONS,
    });
    expect(await scopesOf(withoutVault)).toEqual([]);
  });

  it('are unknown, never none, while the vault is away, and known soon after it is back', async () => {
    handOut('token-1', ['phone']);
    issued.mood = 'broken';
    const authenticator = build();
    expect(await scopesOf(authenticator)).toBe('unknown');
    const asked = issued.asked;
    for (let hit = 0; hit < 50; hit += 1) expect(await scopesOf(authenticator)).toBe('unknown');
    // At most one more look-up a second, however many requests come.
    expect(issued.asked).toBeLessThanOrEqual(asked + 1);
    issued.mood = 'up';
    clock.advance(1_000);
    expect(await scopesOf(authenticator)).toBe('unknown');
    await turn();
    expect(await scopesOf(authenticator)).toEqual(['phone']);
  });

  it('that are known stay known while the vault is away: verdicts are renewed without it', async () => {
    const authenticator = build();
    expect(await scopesOf(authenticator)).toEqual([]);
    issued.mood = 'broken';
    clock.advance(DEFAULTS.verification.maxAgeMs + 1);
    expect(await scopesOf(authenticator)).toEqual([]);
  });

  it('are not waited for when the vault is silent', async () => {
    issued.mood = 'silent';
    const asking = scopesOf(build());
    for (let step = 0; step < 5; step += 1) {
      await turn();
      clock.advance(500);
    }
    expect(await asking).toBe('unknown');
  });

  it('travel with a shared verdict, which other processes need no vault for', async () => {
    handOut('token-1', ['phone']);
    const shared = new MemorySharedCache(new MemorySharedEntries(clock));
    expect(await scopesOf(build(shared))).toEqual(['phone']);
    issued.mood = 'broken';
    expect([await scopesOf(build(shared)), issued.asked]).toEqual([['phone'], 1]);
  });

  it('are looked up by each process where the one that shared the verdict did not know them', async () => {
    const shared = new MemorySharedCache(new MemorySharedEntries(clock));
    issued.mood = 'broken';
    expect(await scopesOf(build(shared))).toBe('unknown');
    issued.mood = 'up';
    handOut('token-1', ['phone']);
    let questions = 0;
    const { answer } = provider;
    provider.answer = (...given) => {
      questions += 1;
      return answer(...given);
    };
    expect([await scopesOf(build(shared)), questions]).toEqual([['phone'], 0]);
  });
});
