import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RevokedGrant } from '../../revocation/issued-tokens.js';
import { NOWGG_SECURITY_CHANNEL, type NowggSecurityEvent } from '../../events/security-events.js';
import type { GrantRecord } from '../store/grant-record.js';
import type { NowggTokenService } from '../nowgg-token-service.js';
import { deferred, errorOf, settled, TokenServiceUnderTest } from '../testing-support/token-service-under-test.js';

describe('the end of a grant', () => {
  let under: TokenServiceUnderTest;
  let service: NowggTokenService;
  let isMarking = true;
  const ended: RevokedGrant[] = [];
  const events: NowggSecurityEvent[] = [];
  const onEvent = (event: unknown) => events.push(event as NowggSecurityEvent);

  beforeEach(() => {
    [isMarking, ended.length, events.length] = [true, 0, 0];
    under = new TokenServiceUnderTest();
    const refuseTokensOf = async (grant: RevokedGrant) => {
      if (!isMarking) throw new Error('the store of revocations is away');
      ended.push(grant);
    };
    service = under.anotherProcess({}, { revocations: { refuseTokensOf, refuseSignedOut: async ({ atMs }) => atMs } });
    subscribe(NOWGG_SECURITY_CHANNEL, onEvent);
  });
  afterEach(() => {
    unsubscribe(NOWGG_SECURITY_CHANNEL, onEvent);
  });

  const found = async (id: string) => (await under.store.findGrant(id)) as GrantRecord;
  const idOf = (token: string) => under.provider.credentialIdOf(token);

  it('refuses the tokens of every generation, tells the identity system and deletes the ciphertexts', async () => {
    const { grant, accessToken } = await service.exchangeCode('code-1');
    const second = await service.refresh(grant.id);
    await service.revoke(grant.id);
    await settled();
    const tokens = ended[0]?.tokens.map(({ credentialId }) => credentialId);
    expect(tokens?.toSorted()).toEqual([accessToken.token, second.token].map(idOf).toSorted());
    expect([under.provider.revoked, events]).toEqual([['refresh-1'], [{ type: 'signed_out', provider: 'nowgg' }]]);
    expect((await found(grant.id)).refreshCiphertext).toHaveLength(0);
  });

  it('goes on where it was broken off when the player signs out again', async () => {
    const { grant, session } = await service.exchangeCode('code-1');
    isMarking = false;
    await expect(service.revokeSession(session)).rejects.toThrow('is away');
    expect([(await found(grant.id)).state, under.provider.revoked]).toEqual(['revoked', []]);
    isMarking = true;
    await service.revokeSession(session);
    await settled();
    expect([ended.length, under.provider.revoked]).toEqual([1, ['refresh-1']]);
    await service.revokeSession(session);
    expect(ended).toHaveLength(1);
  });

  it('goes on where it was broken off at the next upkeep', async () => {
    const { grant } = await service.exchangeCode('code-1');
    await under.store.revokeGrant(grant.id);
    await service.finishBrokenOffEnds();
    expect(ended).toEqual([]);
    await under.pass(60_001);
    await service.finishBrokenOffEnds();
    await settled();
    expect([ended.length, under.provider.revoked]).toEqual([1, ['refresh-1']]);
    expect((await found(grant.id)).refreshCiphertext).toHaveLength(0);
  });

  it('keeps the ciphertexts while the identity system cannot be told', async () => {
    const { grant } = await service.exchangeCode('code-1');
    under.provider.revoke = (async () => false) as never;
    await service.revoke(grant.id);
    await settled();
    expect((await found(grant.id)).refreshCiphertext).not.toHaveLength(0);
  });

  it('tells the identity system of the new refresh token that came too late', async () => {
    const { grant } = await service.exchangeCode('code-1');
    const reply = deferred<void>();
    under.provider.answers.push(async () => {
      await reply.promise;
      return { status: 'tokens', tokens: under.provider.issue('refresh-2') };
    });
    const refused = errorOf(service.refresh(grant.id));
    await settled();
    await service.revoke(grant.id);
    reply.resolve();
    expect(await refused).toMatchObject({ errorCode: 'reauthentication_required' });
    await settled();
    expect(under.provider.revoked).toEqual(['refresh-1', 'refresh-2']);
  });
});
