import { describe, expect, it, jest } from '@jest/globals';
import { InvalidGrantError } from '../../errors.js';
import { readIdTokenClaims } from '../../identity/id-token-claims.js';
import type { TokenSet } from '../../identity/identity-provider.js';
import type { NowggSignIn, OnSignIn } from '../../options/options.js';
import type { TokenStore } from '../store/token-store.js';
import { deferred, errorOf, settled, TokenServiceUnderTest } from '../testing-support/token-service-under-test.js';

const CLAIMS = { iss: 'https://id.example', sub: 'player-1', aud: 'game', exp: 2e9, iat: 1e9, phone: '+46123' };

function withIdToken(under: TokenServiceUnderTest, extra: Partial<TokenSet> = {}): void {
  const idToken = readIdTokenClaims(structuredClone(CLAIMS));
  under.provider.answers.push({
    status: 'tokens',
    tokens: { ...under.provider.issue('refresh-1'), idToken, ...extra },
  });
}

const underWith = (onSignIn: OnSignIn, wrap?: (store: TokenStore) => TokenStore) =>
  new TokenServiceUnderTest({ onSignIn }, wrap);

describe('onSignIn', () => {
  it('gets the grant, the caller, the scopes and the claims of the id_token, frozen, before the answer', async () => {
    const seen: NowggSignIn[] = [];
    const open = deferred<void>();
    const under = underWith(async (signIn) => {
      seen.push(signIn);
      await open.promise;
    });
    withIdToken(under, { scopes: ['phone', 'offline_access'] });
    let answered = false;
    const signingIn = under.signIn().finally(() => (answered = true));
    await settled();
    expect([answered, seen.length]).toEqual([false, 1]);
    open.resolve();
    const { grant, principal, idToken } = await signingIn;
    expect(idToken).toEqual(CLAIMS);
    expect(seen[0]).toEqual({
      grantId: grant.id,
      principal,
      idToken: CLAIMS,
      scopes: ['phone', 'offline_access'],
      isRepeated: false,
    });
    const parts = [seen[0], seen[0]?.idToken, seen[0]?.scopes, seen[0]?.principal];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual([true, true, true, true]);
  });

  it('is called once for all who wait for one code, and again, without claims, for a code that is repeated', async () => {
    const onSignIn = jest.fn<OnSignIn>();
    const under = underWith(onSignIn);
    withIdToken(under);
    const [first] = await Promise.all(Array.from({ length: 20 }, async () => under.signIn()));
    expect(onSignIn).toHaveBeenCalledTimes(1);
    const again = await under.signIn();
    expect([again.grant.id, again.idToken]).toEqual([first?.grant.id, undefined]);
    expect(onSignIn).toHaveBeenLastCalledWith({
      grantId: String(first?.grant.id),
      principal: again.principal,
      isRepeated: true,
    });
  });

  it.each<[string, OnSignIn]>([
    ['throws', () => raise(new Error('not invited'))],
    ['rejects', async () => raise(new Error('not invited'))],
  ])('that %s refuses the sign-in with its error, and ends the grant', async (_how, onSignIn) => {
    const under = underWith(onSignIn);
    withIdToken(under);
    expect(await errorOf(under.signIn())).toEqual(new Error('not invited'));
    expect(await under.service.listGrants('player-1')).toMatchObject([{ state: 'revoked' }]);
    expect(under.provider.revoked).toEqual(['refresh-1']);
    expect(await errorOf(under.anotherProcess().exchangeCode('code-1'))).toBeInstanceOf(InvalidGrantError);
  });

  it('that fails for a repeated code leaves the grant of the first sign-in alone', async () => {
    let calls = 0;
    const under = underWith(() => {
      calls += 1;
      if (calls > 1) throw new Error('database away');
    });
    await under.signIn();
    expect(await errorOf(under.signIn())).toEqual(new Error('database away'));
    expect(await under.service.listGrants('player-1')).toMatchObject([{ state: 'active' }]);
  });

  it('is called by the process that finishes a sign-in of another, with the claims of the stored reply', async () => {
    const onSignIn = jest.fn<OnSignIn>();
    const under = underWith(onSignIn);
    withIdToken(under, { scopes: ['phone'] });
    under.authenticator.verdict = ((accept) => () => {
      under.authenticator.verdict = accept;
      return { status: 'unknown', reason: 'timeout', retryAfterSeconds: 1 };
    })(under.authenticator.verdict);
    expect(await errorOf(under.signIn())).toMatchObject({ errorCode: 'identity_unavailable' });
    expect(onSignIn).not.toHaveBeenCalled();
    const { idToken, grant } = await under.anotherProcess({ onSignIn }).exchangeCode('code-1');
    expect([idToken, Object.isFrozen(idToken), grant.scopes]).toEqual([CLAIMS, true, ['phone']]);
    expect(onSignIn).toHaveBeenCalledTimes(1);
    expect(under.provider.codes).toEqual(['code-1']);
  });

  it('is not called for an id_token of another user: the sign-in is refused', async () => {
    const onSignIn = jest.fn<OnSignIn>();
    const under = underWith(onSignIn);
    withIdToken(under, { subject: 'player-2' });
    expect(await errorOf(under.signIn())).toBeInstanceOf(InvalidGrantError);
    expect(onSignIn).not.toHaveBeenCalled();
  });
});

describe('the scopes of a grant', () => {
  it.each<[string, Partial<TokenSet>, readonly string[] | undefined, readonly string[] | undefined]>([
    ['those that the reply states', { scopes: ['phone'] }, ['phone', 'email'], ['phone']],
    ['none where the reply states none at all', { scopes: [] }, ['phone'], []],
    ['the requested ones where the reply is silent', {}, ['phone', 'email'], ['phone', 'email']],
    ['not known where the request is not known either', {}, undefined, undefined],
  ])('are %s', async (_which, reply, requested, granted) => {
    const under = new TokenServiceUnderTest();
    withIdToken(under, reply);
    const { grant } = await under.service.exchangeCode('code-1', requested && { scopes: requested });
    expect(grant.scopes).toEqual(granted);
  });

  it('stay after a refresh that states none, and change with one that does', async () => {
    const under = new TokenServiceUnderTest();
    withIdToken(under, { scopes: ['phone', 'email'] });
    const { grant } = await under.signIn();
    const scopesNow = async () => (await under.service.listGrants('player-1'))[0]?.scopes;
    await under.service.refresh(grant.id);
    expect(await scopesNow()).toEqual(['phone', 'email']);
    under.provider.answers.push({
      status: 'tokens',
      tokens: { ...under.provider.issue(undefined), scopes: ['email'] },
    });
    await under.service.refresh(grant.id);
    await under.service.refresh(grant.id);
    expect(await scopesNow()).toEqual(['email']);
  });
});

function raise(error: Error): never {
  throw error;
}

describe('a hook that never answers', () => {
  it('keeps no place from other sign-ins', async () => {
    const onSignIn = jest
      .fn<OnSignIn>()
      .mockReturnValueOnce(new Promise(() => undefined))
      .mockReturnValue(undefined);
    const under = new TokenServiceUnderTest({ onSignIn, maxExchangesInFlight: 1 });
    const stuck = errorOf(under.signIn());
    await settled();
    expect((await under.service.exchangeCode('code-2')).grant.state).toBe('active');
    await under.pass(4_000);
    expect(await stuck).toMatchObject({ errorCode: 'identity_unavailable' });
  });
});
