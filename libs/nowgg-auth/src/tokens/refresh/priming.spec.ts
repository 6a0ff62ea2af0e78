import { beforeEach, describe, expect, it } from '@jest/globals';
import type { TokenFacts } from '../../principal.js';
import { factsOf } from '../../testing-support/fake-identity-provider.js';
import type { Instant } from '../../verification/decision/verification-result.js';
import { VerdictPriming } from '../../verification/verdict-priming.js';
import type { NowggTokenService } from '../nowgg-token-service.js';
import { errorOf, settled, TokenServiceUnderTest } from '../testing-support/token-service-under-test.js';

const HOUR = 3_600_000;

class Recorder extends VerdictPriming {
  readonly primed: { token: string; facts: TokenFacts; issuedAt: Instant }[] = [];
  fails = false;

  override async prime(token: string, _provider: unknown, facts: TokenFacts, issuedAt: Instant): Promise<void> {
    this.primed.push({ token, facts, issuedAt });
    if (this.fails) throw new Error('the shared cache has a bug');
  }
}

let under: TokenServiceUnderTest;
let priming: Recorder;
let service: NowggTokenService;
let grantId: string;
/** The expiry that the new token states. */
let expiresAtMs: number;

beforeEach(async () => {
  under = new TokenServiceUnderTest();
  priming = new Recorder();
  service = under.anotherProcess({}, { priming });
  grantId = (await under.signIn()).grant.id;
  expiresAtMs = under.clock.now() + 2 * HOUR;
  under.provider.factsOfIssued = () => factsOf({ userId: 'player-1', expiresAtMs });
});

describe('the token that a refresh brings', () => {
  it('primes verification once it is stored, dated by when the request was sent', async () => {
    await under.pass(HOUR);
    const sentAt = { wallMs: under.clock.now(), monotonicMs: under.clock.monotonicNow() };
    under.provider.answers.push(() => {
      under.clock.advance(2_000);
      return { status: 'tokens', tokens: under.provider.issue(undefined) };
    });
    const { token } = await service.getAccessToken(grantId);
    expect(priming.primed).toEqual([{ token, facts: expect.objectContaining({ expiresAtMs }), issuedAt: sentAt }]);
  });

  it('is handed out although priming fails', async () => {
    priming.fails = true;
    await under.pass(HOUR);
    expect((await service.getAccessToken(grantId)).token).toBe('access-2');
    await settled();
    expect(priming.primed).toHaveLength(1);
  });

  it('primes nothing when it does not state what a verification establishes', async () => {
    under.provider.factsOfIssued = () => undefined;
    await under.pass(HOUR);
    await service.getAccessToken(grantId);
    expect(priming.primed).toEqual([]);
  });

  it('primes nothing when it is the token before: that one may have been refused meanwhile', async () => {
    expiresAtMs = (await under.store.findGrant(grantId))?.accessTokenExpiresAtMs ?? 0;
    await under.pass(HOUR);
    await service.getAccessToken(grantId);
    expect(priming.primed).toEqual([]);
  });

  it('primes nothing when it names another user or client: it is stored, withheld and the grant is suspect', async () => {
    under.provider.contradicts = () => true;
    under.provider.answers.push({
      status: 'tokens',
      tokens: { accessToken: 'eyJhbGciOiJub25lIn0.e30.c2ln', refreshToken: 'refresh-2' },
    });
    await under.pass(HOUR);
    expect(await errorOf(service.getAccessToken(grantId))).toMatchObject({ errorCode: 'identity_unavailable' });
    expect(await under.store.findGrant(grantId)).toMatchObject({ state: 'suspect', generation: 2 });
    expect(priming.primed).toEqual([]);
  });

  it('primes nothing when the grant was revoked meanwhile', async () => {
    await under.pass(HOUR);
    under.provider.answers.push(async () => {
      await service.revoke(grantId);
      return { status: 'tokens', tokens: under.provider.issue(undefined) };
    });
    await errorOf(service.getAccessToken(grantId));
    expect(priming.primed).toEqual([]);
  });
});
