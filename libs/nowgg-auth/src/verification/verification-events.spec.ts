import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityProviders } from '../identity/identity-providers.js';
import { DEFAULTS } from '../options/defaults.js';
import { factsOf, FakeIdentityProvider, jwsOf } from '../testing-support/fake-identity-provider.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { NO_REVOCATIONS } from '../testing-support/no-revocations.js';
import { CachingAuthenticator } from './caching-authenticator.js';
import { NOWGG_VERIFICATION_CHANNEL, type NowggVerificationEvent } from './verification-events.js';

const token = jwsOf({ aud: 'nowgg', userId: 'PLANTED-USER', exp: 1_767_229_200, iat: 1_767_225_600 });
let clock: ManualClock;
let provider: FakeIdentityProvider;
let authenticator: CachingAuthenticator;
let events: NowggVerificationEvent[];
const listener = (message: unknown) => void events.push(message as NowggVerificationEvent);

beforeEach(() => {
  events = [];
  clock = new ManualClock();
  provider = new FakeIdentityProvider();
  authenticator = new CachingAuthenticator({
    providers: new IdentityProviders([provider]),
    options: DEFAULTS.verification,
    clock,
    revocations: NO_REVOCATIONS,
  });
  subscribe(NOWGG_VERIFICATION_CHANNEL, listener);
});

afterEach(() => {
  unsubscribe(NOWGG_VERIFICATION_CHANNEL, listener);
});

describe('the record of a decision', () => {
  it('tells outcome, source, provider and latency, and stands for the token by a fingerprint', async () => {
    provider.answer = () => {
      clock.advance(40);
      return { status: 'valid', facts: factsOf({ userId: 'PLANTED-USER' }) };
    };
    await authenticator.authenticate(token);
    await authenticator.authenticate(token);
    provider.answer = () => ({ status: 'unknown', reason: 'timeout' });
    clock.advance(60_000);
    await authenticator.authenticate(token);
    await authenticator.authenticate(token, { allowStale: false });
    await authenticator.authenticate('a b');
    const fingerprint = expect.stringMatching(/^[0-9a-f]{8}$/);
    const about = { provider: 'nowgg', latencyMs: 0, fingerprint };
    expect(events).toEqual([
      { ...about, outcome: 'valid', reason: undefined, source: 'miss', latencyMs: 40 },
      { ...about, outcome: 'valid', reason: undefined, source: 'hit' },
      { ...about, outcome: 'valid', reason: undefined, source: 'stale' },
      { ...about, outcome: 'unknown', reason: 'timeout', source: 'miss' },
      { ...about, outcome: 'invalid', reason: 'malformed_token', source: 'none', provider: undefined },
    ]);
    expect(new Set(events.slice(0, 4).map((event) => event.fingerprint)).size).toBe(1);
    expect(events[4]?.fingerprint).not.toBe(events[0]?.fingerprint);
    expect(inspect(events)).not.toContain('PLANTED');
  });
});

describe('an explanation', () => {
  it('says what the token claims, what was remembered and how it is decided, and holds no part of it', async () => {
    provider.answer = () => ({ status: 'invalid', reason: 'invalid_token' });
    await authenticator.authenticate(token);
    clock.advance(1_000);
    const explanation = await authenticator.explain(token);
    expect(explanation).toEqual({
      fingerprint: events[0]?.fingerprint,
      outcome: 'invalid',
      reason: 'invalid_token',
      wellFormed: true,
      claimed: { provider: 'nowgg', issuedAt: new Date(1_767_225_600_000), expiresAt: new Date(1_767_229_200_000) },
      remembered: { as: 'refused', ageMs: 1_000 },
      verified: undefined,
    });
    expect(token.split('.').some((part) => inspect(explanation).includes(part))).toBe(false);
  });

  it('names the player of a good token', async () => {
    expect(await authenticator.explain('opaque')).toMatchObject({
      outcome: 'valid',
      claimed: undefined,
      remembered: undefined,
      verified: { provider: 'nowgg', userId: 'p1', tokenType: 'token' },
    });
  });
});
