import { beforeEach, describe, expect, it } from '@jest/globals';
import type { NowggUserInfo } from '../identity/account-info.js';
import type { InfoOutcome } from '../identity/identity-provider.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { principalOf } from '../principal.js';
import { FakeAuthenticator, factsOf } from '../testing-support/fake-authenticator.js';
import { FakeIdentityProvider, jwsOf } from '../testing-support/fake-identity-provider.js';
import { NowggAccountService } from './nowgg-account.service.js';

class AccountProvider extends FakeIdentityProvider {
  outcome: InfoOutcome<NowggUserInfo> = { status: 'info', info: { userId: 'p1' } };
  infoCalls = 0;

  override async getUserInfo(): Promise<InfoOutcome<NowggUserInfo>> {
    this.infoCalls += 1;
    return this.outcome;
  }
}

let provider: AccountProvider;
let authenticator: FakeAuthenticator;
let service: NowggAccountService;

beforeEach(() => {
  provider = new AccountProvider();
  authenticator = new FakeAuthenticator();
  service = new NowggAccountService(new IdentityProviders([provider]), authenticator, 1_000);
});

describe('account information', () => {
  it('is what the identity system says', async () => {
    expect(await service.getUserInfo('abc')).toEqual({ userId: 'p1' });
  });

  it.each([
    ['of two words', 'a b'],
    ['with a line break', 'a\r\nX: y'],
    ['of nothing', ''],
    ['past the limit', 'x'.repeat(8193)],
  ])('is not asked for with a token %s', async (_what, token) => {
    await expect(service.getUserInfo(token)).rejects.toMatchObject({ errorCode: 'malformed_token' });
    expect(provider.infoCalls).toBe(0);
  });

  it('that is refused is refused for the reason that the verdict gives', async () => {
    provider.outcome = { status: 'refused' };
    await expect(service.getUserInfo('expired')).rejects.toMatchObject({ errorCode: 'expired_token' });
  });

  it('that is refused though the token is good, or cannot be asked about, is a 503', async () => {
    provider.outcome = { status: 'refused' };
    await expect(service.getUserInfo('good')).rejects.toMatchObject({ errorCode: 'identity_unavailable' });
    await expect(service.getUserInfo('later-unasked')).rejects.toMatchObject({ retryAfterSeconds: 9 });
    provider.outcome = { status: 'unknown', reason: 'rate_limited', retryAfterMs: 5_000 };
    await expect(service.getUserInfo('abc')).rejects.toMatchObject({ retryAfterSeconds: 5 });
  });

  it('that a provider does not have is a 403: asking again does not help', async () => {
    await expect(service.getSessionInfo('abc')).rejects.toMatchObject({ errorCode: 'information_unavailable' });
  });

  it('that is refused for a valid id_token, or for a valid token that is verified here, is a 403 as well', async () => {
    provider.outcome = { status: 'refused' };
    const principal = principalOf(factsOf('u1', { tokenType: 'id_token' }));
    authenticator.verdicts.set('id-token', { status: 'valid', principal });
    await expect(service.getUserInfo('id-token')).rejects.toMatchObject({ errorCode: 'information_unavailable' });
    await expect(service.getUserInfo('good')).rejects.toMatchObject({ errorCode: 'identity_unavailable' });
    provider.inspection = () => ({ action: 'ask', tokenType: undefined, local: true });
    await expect(service.getUserInfo('good')).rejects.toMatchObject({ status: 403 });
    await expect(service.getUserInfo('expired')).rejects.toMatchObject({ errorCode: 'expired_token' });
  });

  it('with several providers is asked where the token points, an opaque one nowhere', async () => {
    const other = new AccountProvider('other');
    service = new NowggAccountService(new IdentityProviders([provider, other]), authenticator, 1_000);
    await service.getUserInfo(jwsOf({ aud: 'other' }));
    await expect(service.getUserInfo('opaque')).rejects.toMatchObject({ errorCode: 'invalid_token' });
    await service.getUserInfo('opaque', { provider: 'nowgg' });
    expect([provider.infoCalls, other.infoCalls]).toEqual([1, 1]);
  });
});
