import { beforeEach, describe, expect, it } from '@jest/globals';
import type { IdentityVerdict } from '../identity/identity-provider.js';
import { watchSecurityEvents } from '../events/security-events.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { factsOf, FakeIdentityProvider, jwsOf } from '../testing-support/fake-identity-provider.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { NO_REVOCATIONS } from '../testing-support/no-revocations.js';
import { VERIFICATION_OPTIONS } from '../testing-support/verification-options.js';
import { CachingAuthenticator } from './caching-authenticator.js';
import type { AuthenticationPolicy } from './decision/verdict.js';
import { HeldToken } from './held-token.js';
import { tokenDigest } from '../identity/token-text.js';

const unknown: IdentityVerdict = { status: 'unknown', reason: 'timeout' };
const refused: IdentityVerdict = { status: 'invalid', reason: 'invalid_token' };

const revocations = NO_REVOCATIONS;

let clock: ManualClock;
let provider: FakeIdentityProvider;
let authenticator: CachingAuthenticator;

beforeEach(() => {
  clock = new ManualClock();
  provider = new FakeIdentityProvider();
  authenticator = new CachingAuthenticator({
    providers: new IdentityProviders([provider]),
    options: VERIFICATION_OPTIONS,
    clock,
    revocations,
  });
});

const facts = (overrides = {}) => ({ status: 'valid', facts: factsOf(overrides) }) as const;

describe('a verdict from memory', () => {
  it('is given synchronously and without asking again', async () => {
    await authenticator.authenticate('abc');
    const verdict = authenticator.authenticate('abc');
    expect(verdict).toMatchObject({ status: 'valid', principal: { userId: 'p1', provider: 'nowgg' } });
    expect(provider.asked).toHaveLength(1);
  });

  it('is given to every player in a flood of refused tokens, 99 for each request, in a cache with hardly more room', async () => {
    const players = Array.from({ length: 10 }, (_, n) => jwsOf({ aud: 'nowgg', userId: `p${n}` }));
    const room = { maxEntries: 11, negativeMaxEntries: 11 };
    authenticator = new CachingAuthenticator({
      providers: new IdentityProviders([provider]),
      options: { ...VERIFICATION_OPTIONS, ...room },
      clock,
      revocations,
    });
    const known = new Set(players);
    provider.answer = (token) => (known.has(token) ? facts() : refused);
    for (const player of players) await authenticator.authenticate(player);
    for (const [n, player] of [...players, ...players].entries()) {
      const garbage = Array.from({ length: 99 }, async (_, g) =>
        authenticator.authenticate(jwsOf({ aud: 'nowgg', n, g })),
      );
      // Not a promise: nothing was asked.
      expect(authenticator.authenticate(player)).toMatchObject({ status: 'valid' });
      for (const verdict of await Promise.all(garbage)) expect(verdict.status).toBe('invalid');
    }
  });

  it('is a principal that no handler can change for the next one', async () => {
    await authenticator.authenticate('abc');
    const verdict = authenticator.authenticate('abc');
    if (!('status' in verdict) || verdict.status !== 'valid') throw new Error('not from memory');
    const { principal } = verdict;
    expect(() => principal.expiresAt?.setFullYear(1999)).toThrow(TypeError);
    expect(() => (principal.scopes as string[]).push('admin')).toThrow(TypeError);
    expect(() => Object.assign(principal, { userId: 'p2' })).toThrow(TypeError);
    expect(Object.isFrozen(principal.claims)).toBe(true);
    expect(authenticator.authenticate('abc')).toMatchObject({
      principal: { userId: 'p1', scopes: ['email'], expiresAt: new Date(Date.UTC(2026, 0, 1, 1)) },
    });
  });

  it('serves until maxAgeMs counted from when the question was sent', async () => {
    provider.answer = () => {
      clock.advance(10_000);
      return facts();
    };
    await authenticator.authenticate('abc');
    clock.advance(19_999);
    expect(authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    clock.advance(1);
    expect(authenticator.authenticate('abc')).toBeInstanceOf(Promise);
  });

  it.each<[string, unknown]>([
    ['this key', { jkt: 'k'.repeat(43) }],
    ['a certificate', { 'x5t#S256': 'c' }],
    ['something unknown', 'x'],
  ])('is never given for a token that is bound to %s, without its proof, at any door', async (_name, cnf) => {
    provider.answer = () => facts({ claims: { cnf } });
    const refusal = { status: 'invalid', reason: 'invalid_token' };
    const policies: (AuthenticationPolicy | undefined)[] = [undefined, { tokenType: 'token' }, { maxAgeMs: 0 }];
    for (const policy of [...policies, ...policies]) {
      expect(await authenticator.authenticate('abc', policy)).toEqual(refusal);
      expect(await authenticator.authenticateHeld(new HeldToken('abc'), policy)).toEqual(refusal);
    }
    provider.answer = () => unknown;
    clock.advance(30_001);
    expect(await authenticator.authenticate('abc')).toEqual(refusal);
  });

  it('is never given at or past exp', async () => {
    provider.answer = () => facts({ expiresAtMs: clock.now() + 5_000 });
    await authenticator.authenticate('abc');
    clock.advance(4_999);
    expect(authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    clock.advance(1);
    expect(authenticator.authenticate('abc')).toEqual({ status: 'invalid', reason: 'expired_token' });
  });

  it('does not grow younger when the wall clock is set back', async () => {
    await authenticator.authenticate('abc');
    clock.stepWallClock(-3_600_000);
    clock.advance(30_000);
    await authenticator.authenticate('abc');
    expect(provider.asked).toHaveLength(2);
  });

  it('is decided anew for a route that wants another kind, provider or a recent sign-in', async () => {
    provider.answer = () => facts({ tokenType: 'id_token', authTimeMs: clock.now() - 60_000 });
    expect(await authenticator.authenticate('abc', { tokenType: 'token' })).toEqual({
      status: 'invalid',
      reason: 'wrong_token_type',
    });
    expect(await authenticator.authenticate('abc', { maxAuthAgeMs: 60_000 })).toMatchObject({ status: 'valid' });
    clock.advance(1);
    expect(authenticator.authenticate('abc', { maxAuthAgeMs: 60_000 })).toEqual({
      status: 'invalid',
      reason: 'insufficient_user_authentication',
      maxAuthAgeMs: 60_000,
    });
  });

  it('refuses a token that does not tell its sign-in where a recent one is wanted, and names the remedy once', async () => {
    const details: (string | undefined)[] = [];
    const stop = watchSecurityEvents(({ type, detail }) => type === 'misconfigured_provider' && details.push(detail));
    for (const token of ['abc', 'abd', 'abc']) {
      const verdict = await authenticator.authenticate(token, { maxAuthAgeMs: 1e9 });
      expect(verdict).toMatchObject({ reason: 'insufficient_user_authentication' });
    }
    stop();
    expect(details).toEqual([expect.stringContaining('tokens have no auth_time')]);
  });

  it('takes a sign-in that is ahead only as far as the clock may be slow', async () => {
    provider.answer = () => facts({ authTimeMs: clock.now() + 300_000 });
    expect(await authenticator.authenticate('abc', { maxAuthAgeMs: 0 })).toMatchObject({ status: 'valid' });
    provider.answer = () => facts({ authTimeMs: clock.now() + 300_001 });
    expect(await authenticator.authenticate('abd', { maxAuthAgeMs: 0 })).toMatchObject({
      reason: 'insufficient_user_authentication',
    });
  });

  it('may be tightened by a route, never widened', async () => {
    await authenticator.authenticate('abc');
    clock.advance(10_000);
    await authenticator.authenticate('abc', { maxAgeMs: 5_000 });
    expect(provider.asked).toHaveLength(2);
    clock.advance(30_000);
    await authenticator.authenticate('abc', { maxAgeMs: 3_600_000 });
    expect(provider.asked).toHaveLength(3);
  });
});

describe('two tokens', () => {
  it.each([20, 64, 256])('that share their first %i characters are two entries', async (length) => {
    const shared = 'a'.repeat(length);
    await authenticator.authenticate(`${shared}1`);
    await authenticator.authenticate(`${shared}2`);
    expect(provider.asked).toHaveLength(2);
  });
});

describe('many callers at once', () => {
  it('cause one question for 1,000 first uses of a token', async () => {
    const verdicts = await Promise.all(Array.from({ length: 1_000 }, async () => authenticator.authenticate('abc')));
    expect(provider.asked).toHaveLength(1);
    expect(new Set(verdicts.map((verdict) => verdict.status))).toEqual(new Set(['valid']));
  });

  it('share a failure, which is not remembered', async () => {
    provider.answer = () => unknown;
    await Promise.all([authenticator.authenticate('abc'), authenticator.authenticate('abc')]);
    await authenticator.authenticate('abc');
    expect(provider.asked).toHaveLength(2);
  });

  it('are not joined by one who asks now', async () => {
    const early = authenticator.authenticate('abc');
    await Promise.all([early, authenticator.authenticate('abc', { maxAgeMs: 0 })]);
    expect(provider.asked).toHaveLength(2);
  });

  it('ask once more when one who asked now was refused meanwhile', async () => {
    let land: (verdict: IdentityVerdict) => void = () => undefined;
    const slow = new Promise<IdentityVerdict>((resolve) => {
      land = resolve;
    });
    provider.answer = () => (provider.asked.length === 1 ? slow : refused);
    const early = authenticator.authenticate('abc');
    await authenticator.authenticate('abc', { maxAgeMs: 0 });
    land(facts());
    expect(await early).toEqual({ status: 'invalid', reason: 'invalid_token' });
  });
});

describe('a refusal', () => {
  it('of an unknown token is remembered for 5 s, of an expired one for 5 min', async () => {
    provider.answer = (token) => (token === 'old' ? { status: 'invalid', reason: 'expired_token' } : refused);
    await authenticator.authenticate('bad');
    await authenticator.authenticate('old');
    clock.advance(4_999);
    expect(authenticator.authenticate('bad')).toEqual({ status: 'invalid', reason: 'invalid_token' });
    clock.advance(1);
    await authenticator.authenticate('bad');
    clock.advance(290_000);
    await authenticator.authenticate('old');
    expect(provider.asked.map((question) => question.token)).toEqual(['bad', 'old', 'bad']);
  });

  it('that is our own finding about a reply is not remembered', async () => {
    provider.answer = () => ({ status: 'invalid', reason: 'invalid_token', isOwnFinding: true });
    await authenticator.authenticate('bad');
    await authenticator.authenticate('bad');
    expect(provider.asked).toHaveLength(2);
  });

  it('of an unknown token is not taken from memory by a route that asks now', async () => {
    provider.answer = () => refused;
    await authenticator.authenticate('bad');
    provider.answer = () => facts();
    expect(await authenticator.authenticate('bad', { maxAgeMs: 0 })).toMatchObject({ status: 'valid' });
    expect(authenticator.authenticate('bad')).toMatchObject({ status: 'valid' });
  });

  it('to one who asks now ends what other routes remember of the token', async () => {
    await authenticator.authenticate('abc');
    await authenticator.authenticate('abc', { tokenType: 'token', provider: 'nowgg' });
    provider.answer = () => refused;
    await authenticator.authenticate('abc', { maxAgeMs: 0, tokenType: 'token' });
    clock.advance(2_000);
    await authenticator.authenticate('abc', { maxAgeMs: 0, tokenType: 'token' });
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'invalid' });
    expect(await authenticator.authenticate('abc', { tokenType: 'token', provider: 'nowgg' })).toMatchObject({
      status: 'invalid',
    });
  });
});

describe('an outage', () => {
  beforeEach(async () => {
    await authenticator.authenticate('abc');
    provider.answer = () => unknown;
  });

  it('leaves a known player in for maxAgeMs + staleIfErrorMs and then is a 503 matter, never a 401', async () => {
    clock.advance(329_999);
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    clock.advance(1);
    expect(await authenticator.authenticate('abc')).toEqual({
      status: 'unknown',
      reason: 'timeout',
      retryAfterSeconds: 1,
    });
  });

  it('answers unknown at once where a route forbids stale verdicts or asks now', async () => {
    clock.advance(30_000);
    expect(await authenticator.authenticate('abc', { allowStale: false })).toMatchObject({ status: 'unknown' });
    expect(await authenticator.authenticate('abc', { maxAgeMs: 0 })).toMatchObject({ status: 'unknown' });
  });

  it('does not make a player be asked about more often than a healthy identity system is', async () => {
    const asked = provider.asked.length;
    for (let second = 0; second < 300; second += 1) {
      clock.advance(1_000);
      expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
      // Four failures in a row never open the circuit: the identity system answers another caller now and then.
      provider.answer = (token) => (token === 'abc' ? unknown : { status: 'valid', facts: factsOf() });
      if (second % 20 === 0) await authenticator.authenticate(`other${second}`);
    }
    const questions = provider.asked.slice(asked).filter(({ token }) => token === 'abc');
    expect(questions.length).toBeLessThanOrEqual(15);
    expect(questions.length).toBeGreaterThanOrEqual(13);
  });

  it('is over for a player at the next question, and for a route that wants it fresher at once', async () => {
    clock.advance(31_000);
    await authenticator.authenticate('abc');
    provider.answer = () => facts({ userId: 'p2' });
    expect(await authenticator.authenticate('abc')).toMatchObject({ principal: { userId: 'p1' } });
    expect(await authenticator.authenticate('abc', { maxAgeMs: 20_000 })).toMatchObject({
      principal: { userId: 'p2' },
    });
    expect(await authenticator.authenticate('abc')).toMatchObject({ principal: { userId: 'p2' } });
  });

  it('does not prolong a token past its exp', async () => {
    provider.answer = () => facts({ expiresAtMs: clock.now() + 40_000 });
    await authenticator.authenticate('short');
    provider.answer = () => unknown;
    clock.advance(40_000);
    expect(await authenticator.authenticate('short')).toMatchObject({ status: 'invalid', reason: 'expired_token' });
  });

  it('still serves when its renewal in the background meets a provider that throws', async () => {
    await authenticator.authenticate('abc');
    clock.advance(29_000);
    provider.inspection = () => {
      throw new Error('a bug');
    };
    expect(authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
  });

  it('is what a provider that throws amounts to', async () => {
    provider.answer = () => {
      throw new Error('a bug that quotes a secret');
    };
    expect(await authenticator.authenticate('other')).toMatchObject({ status: 'unknown', reason: 'invalid_response' });
  });
});

describe('a rate limit', () => {
  it('keeps quiet until Retry-After has passed and hands the rest of it out', async () => {
    provider.answer = () => ({ status: 'unknown', reason: 'rate_limited', retryAfterMs: 7_000 });
    expect(await authenticator.authenticate('a')).toMatchObject({ retryAfterSeconds: 7 });
    provider.answer = () => facts();
    clock.advance(5_000);
    expect(await authenticator.authenticate('b')).toEqual({
      status: 'unknown',
      reason: 'circuit_open',
      retryAfterSeconds: 2,
    });
    expect(provider.asked).toHaveLength(1);
    clock.advance(2_000);
    expect(await authenticator.authenticate('b')).toMatchObject({ status: 'valid' });
  });
});

describe('our own credentials', () => {
  const good = (id: number) => jwsOf({ aud: 'nowgg', tokenId: `t${id}` });

  it('are in doubt when three good-looking tokens were refused and none was ever accepted', async () => {
    provider.answer = () => refused;
    for (let id = 1; id <= 2; id += 1) {
      expect(await authenticator.authenticate(good(id))).toMatchObject({ status: 'invalid' });
    }
    const doubted = { status: 'unknown', reason: 'own_credentials_suspect', retryAfterSeconds: 5 };
    expect(await authenticator.authenticate(good(3))).toEqual(doubted);
    clock.advance(4_000);
    expect(await authenticator.authenticate(good(3))).toEqual({ ...doubted, retryAfterSeconds: 1 });
    expect(provider.asked).toHaveLength(3);
    provider.answer = () => facts();
    await authenticator.authenticate(good(6));
    provider.answer = () => refused;
    expect(await authenticator.authenticate(good(7))).toMatchObject({ status: 'invalid' });
  });

  it('are not suspect because one refused player keeps trying', async () => {
    provider.answer = () => refused;
    for (let attempt = 0; attempt < 8; attempt += 1) {
      expect(await authenticator.authenticate(good(1))).toMatchObject({ status: 'invalid' });
      clock.advance(5_000);
    }
    expect(provider.asked).toHaveLength(8);
  });

  it('are not suspect because of garbage', async () => {
    provider.answer = () => refused;
    for (let id = 0; id < 20; id += 1) {
      expect(await authenticator.authenticate(`garbage${id}`)).toMatchObject({ status: 'invalid' });
    }
  });
});

describe('where a token is sent', () => {
  it('is nowhere when it is malformed or too long', async () => {
    for (const token of ['a b', 'a"b', 'é', '', '=', 'a'.repeat(8193)]) {
      expect(await authenticator.authenticate(token)).toEqual({ status: 'invalid', reason: 'malformed_token' });
    }
    expect(provider.asked).toHaveLength(0);
  });

  it('is nowhere when looking at it refuses it already', async () => {
    provider.inspection = () => ({ action: 'refuse', reason: 'wrong_client' });
    expect(await authenticator.authenticate('abc')).toEqual({ status: 'invalid', reason: 'wrong_client' });
    expect(provider.asked).toHaveLength(0);
  });

  it('is nowhere when its kind is not taken by the route or the module', async () => {
    provider.inspection = () => ({ action: 'ask', tokenType: 'id_token' });
    expect(await authenticator.authenticate('abc', { tokenType: 'token' })).toMatchObject({
      reason: 'wrong_token_type',
    });
    provider.tokenTypes = ['id_token'];
    provider.inspection = () => ({ action: 'ask', tokenType: 'token' });
    expect(await authenticator.authenticate('abc')).toMatchObject({ reason: 'wrong_token_type' });
    expect(provider.asked).toHaveLength(0);
  });

  it("is asked as the token's own kind, else as the route's, else as the first that is taken", async () => {
    provider.inspection = (jws) => ({ action: 'ask', tokenType: jws ? 'id_token' : undefined });
    await authenticator.authenticate(jwsOf({ sub: 's' }));
    await authenticator.authenticate('opaque', { tokenType: 'id_token' });
    await authenticator.authenticate('opaque');
    expect(provider.asked.map((question) => question.tokenType)).toEqual(['id_token', 'id_token', 'token']);
  });

  it('with several providers is where issuer and audience point, and nowhere for an opaque one', async () => {
    const [first, second] = [new FakeIdentityProvider('first'), new FakeIdentityProvider('second')];
    const several = new CachingAuthenticator({
      providers: new IdentityProviders([first, second]),
      options: VERIFICATION_OPTIONS,
      clock,
      revocations,
    });
    expect(await several.authenticate(jwsOf({ aud: 'second' }))).toMatchObject({ principal: { provider: 'second' } });
    expect(await several.authenticate('opaque')).toEqual({ status: 'invalid', reason: 'invalid_token' });
    expect(await several.authenticate(jwsOf({ aud: 'third' }))).toEqual({ status: 'invalid', reason: 'wrong_client' });
    expect(await several.authenticate('opaque', { provider: 'first' })).toMatchObject({ status: 'valid' });
    expect([first.asked.length, second.asked.length]).toEqual([1, 1]);
  });
});

describe('a token with several texts', () => {
  const fingerprints: string[] = [];
  /** A provider for which the text after a `~` does not belong to the token. */
  class SpelledProvider extends FakeIdentityProvider {
    override credentialIdOf(token: string): string {
      return super.credentialIdOf(token.split('~', 1)[0] as string);
    }
  }
  const identityOf = (token: string) => tokenDigest(token.split('~', 1)[0] as string);
  const revoked = new Set<string>();

  beforeEach(() => {
    fingerprints.length = 0;
    revoked.clear();
    provider = new SpelledProvider();
    authenticator = new CachingAuthenticator({
      providers: new IdentityProviders([provider]),
      options: VERIFICATION_OPTIONS,
      clock,
      revocations: {
        ...NO_REVOCATIONS,
        refuses: (_principal, identity) => {
          fingerprints.push(identity);
          return revoked.has(identity);
        },
      },
    });
  });

  it.each<[string, AuthenticationPolicy | undefined]>([
    ['a plain route', undefined],
    ['a route with demands', { tokenType: 'token' }],
    ['a route that asks now', { maxAgeMs: 0 }],
  ])('is revoked as one, on a miss and on a hit, on %s', async (_name, policy) => {
    for (const text of ['abc', 'abc~1', 'abc~2']) {
      expect(await authenticator.authenticate(text, policy)).toMatchObject({ status: 'valid' });
      expect(await authenticator.authenticate(text, policy)).toMatchObject({ status: 'valid' });
    }
    expect(new Set(fingerprints)).toEqual(new Set([identityOf('abc')]));
    revoked.add(identityOf('abc'));
    for (const text of ['abc', 'abc~1', 'abc~2', 'abc~3']) {
      expect(await authenticator.authenticate(text, policy)).toEqual({ status: 'invalid', reason: 'revoked_token' });
    }
    expect(await authenticator.authenticate('abd', policy)).toMatchObject({ status: 'valid' });
  });

  it('is revoked as one when an older verdict serves in an outage', async () => {
    await authenticator.authenticate('abc~1');
    clock.advance(40_000);
    provider.answer = () => unknown;
    expect(await authenticator.authenticate('abc~1')).toMatchObject({ status: 'valid' });
    revoked.add(identityOf('abc'));
    expect(await authenticator.authenticate('abc~1')).toEqual({ status: 'invalid', reason: 'revoked_token' });
  });

  it('has its identity computed once, however many wait for the answer', async () => {
    let computed = 0;
    provider.credentialIdOf = (token) => {
      computed += 1;
      return FakeIdentityProvider.prototype.credentialIdOf(token);
    };
    await Promise.all(Array.from({ length: 10 }, async () => authenticator.authenticate('abc')));
    await authenticator.authenticate('abc');
    expect([computed, provider.asked.length]).toEqual([1, 1]);
  });

  it('has none computed while it is refused', async () => {
    provider.credentialIdOf = () => {
      throw new Error('not needed');
    };
    provider.answer = () => refused;
    expect(await authenticator.authenticate('abc')).toEqual({ status: 'invalid', reason: 'invalid_token' });
  });
});

describe('a token that was accepted for one route and is refused for another', () => {
  it('serves the first route and the second until it is refused again two seconds later', async () => {
    const policy = { tokenType: 'token', provider: 'nowgg' } as const;
    await authenticator.authenticate('abc', policy);
    clock.advance(30_000);
    provider.answer = () => refused;
    expect(await authenticator.authenticate('abc')).toMatchObject({ status: 'valid' });
    expect(await authenticator.authenticate('abc', policy)).toMatchObject({ status: 'valid' });
    expect(await authenticator.authenticate('abc', { allowStale: false })).toMatchObject({
      status: 'unknown',
      reason: 'unconfirmed_refusal',
      retryAfterSeconds: 2,
    });
    clock.advance(2_000);
    expect(await authenticator.authenticate('abc')).toEqual({ status: 'invalid', reason: 'invalid_token' });
    expect(await authenticator.authenticate('abc', policy)).toEqual({ status: 'invalid', reason: 'invalid_token' });
  });
});
