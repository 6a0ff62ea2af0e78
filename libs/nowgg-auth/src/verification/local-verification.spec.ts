import { beforeEach, describe, expect, it } from '@jest/globals';
import type { IdentityVerdict } from '../identity/identity-provider.js';
import { factsOf, FakeIdentityProvider } from '../testing-support/fake-identity-provider.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { LocalVerification } from './local-verification.js';
import type { VerificationRequest } from './decision/verification-result.js';

const valid: IdentityVerdict = { status: 'valid', facts: factsOf() };
const refused: IdentityVerdict = { status: 'invalid', reason: 'invalid_token', independentOfClient: true };
const question = (token = 'abc'): VerificationRequest => ({
  digest: `digest of ${token}`,
  token,
  tokenType: 'token',
  isPlausible: false,
});

type Outcome = IdentityVerdict | Error;

let clock: ManualClock;
let provider: FakeIdentityProvider;
/** Ends the verifications, in the order of their start. */
let ends: ((outcome: Outcome) => void)[];
let remembered: string[];
let local: LocalVerification;

beforeEach(() => {
  clock = new ManualClock();
  provider = new FakeIdentityProvider();
  ends = [];
  provider.answer = () =>
    new Promise((resolve, reject) => {
      ends.push((outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)));
    });
  remembered = [];
  local = new LocalVerification(clock, 1_000, (key, _provider, { digest }, { verdict }) => {
    remembered.push(`${key}: ${verdict.status}, ${digest}`);
  });
});

describe('a verification that is under way', () => {
  it('serves all who come with the same token, and is remembered once', async () => {
    const answers = [1, 2, 3].map(() => local.join('k', provider, question()));
    expect(provider.signals).toHaveLength(1);
    ends[0]?.(valid);
    const [first, ...others] = await Promise.all(answers);
    expect(first).toMatchObject({ source: 'miss', acceptance: { status: 'valid', principal: { userId: 'p1' } } });
    for (const other of others) expect(other).toBe(first);
    expect(remembered).toEqual(['k: valid, digest of abc']);
  });

  it('is over for those who come after its end', async () => {
    const first = local.join('k', provider, question());
    ends[0]?.(valid);
    await first;
    void local.join('k', provider, question());
    expect(provider.signals).toHaveLength(2);
  });

  it('is not joined by one who wants it verified now, and the newer one is remembered', async () => {
    const older = local.join('k', provider, question());
    const newer = local.start('k', provider, question());
    const joined = local.join('k', provider, question());
    ends[1]?.(refused);
    ends[0]?.(valid);
    expect((await newer).verdict).toEqual(refused);
    expect(await joined).toBe(await newer);
    expect((await older).verdict).toEqual(valid);
    expect(remembered).toEqual(['k: invalid, digest of abc']);
  });

  it('is not remembered when the token was refused elsewhere meanwhile', async () => {
    const answer = local.join('k', provider, question());
    local.invalidate('k');
    ends[0]?.(valid);
    expect((await answer).verdict).toEqual(valid);
    expect(remembered).toEqual([]);
  });

  it('is no dead end when the provider answers nonsense', async () => {
    const answer = local.join('k', provider, question());
    // No type lets this happen: a provider in JavaScript, or one with a wrong assertion.
    ends[0]?.(undefined as never);
    await expect(answer).rejects.toThrow(TypeError);
    const next = local.join('k', provider, question());
    ends[1]?.(valid);
    expect((await next).verdict).toEqual(valid);
  });

  it('was begun at the age that it has', async () => {
    const startedAt = clock.monotonicNow();
    const answer = local.join('k', provider, question());
    clock.advance(700);
    ends[0]?.(valid);
    expect((await answer).askedAt.monotonicMs).toBe(startedAt);
  });
});

describe('what a verification comes to', () => {
  const outcomeOf = async (outcome: Outcome, token?: string) => {
    const answer = local.join('k', provider, question(token));
    ends[0]?.(outcome);
    return (await answer).verdict;
  };

  it('is not a verdict when the provider throws: the token was not refused', async () => {
    expect(await outcomeOf(new Error('with a secret'))).toEqual({ status: 'unknown', reason: 'invalid_response' });
  });

  it('is a malformed token when a refused one could be no bearer token', async () => {
    expect(await outcomeOf(refused, 'a b')).toEqual({
      status: 'invalid',
      reason: 'malformed_token',
      independentOfClient: true,
    });
  });

  it('is what the provider said else', async () => {
    expect(await outcomeOf(refused)).toEqual(refused);
  });
});

describe('the deadline', () => {
  it('is shared for a tenth of its time', () => {
    void local.join('a', provider, question('a'));
    clock.advance(100);
    void local.join('b', provider, question('b'));
    clock.advance(1);
    void local.join('c', provider, question('c'));
    const [a, b, c] = provider.signals;
    expect(b).toBe(a);
    expect(c).not.toBe(a);
  });
});
