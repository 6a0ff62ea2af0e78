import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { IdentityProviders } from '../../identity/identity-providers.js';
import type { EncryptionKey } from '../../options/options.js';
import { strongKey } from '../../testing-support/strong-key.js';
import type { GrantRecord } from '../store/grant-record.js';
import { NowggVaultService } from './nowgg-vault-service.js';
import { KEY_1, KEY_2, TokenServiceUnderTest } from '../testing-support/token-service-under-test.js';

const DAY_MS = 86_400_000;

describe('NowggVaultService', () => {
  let under: TokenServiceUnderTest;
  let grantIds: string[];
  const vaultWith = (...encryptionKeys: EncryptionKey[]) =>
    new NowggVaultService({
      store: under.store,
      identityProviders: new IdentityProviders([under.provider]),
      encryptionKeys,
    });

  beforeEach(async () => {
    under = new TokenServiceUnderTest();
    await under.service.onApplicationBootstrap();
    grantIds = [];
    for (let grant = 1; grant <= 7; grant += 1) grantIds.push((await under.signIn(`code-${grant}`)).grant.id);
  });

  it('seals every grant under the first key in batches, telling how far it is', async () => {
    const done: number[] = [];
    const report = await vaultWith(KEY_2, KEY_1).rotate({ batchSize: 3, onProgress: (count) => done.push(count) });
    expect(report).toEqual({ resealed: 7, unreadable: 0, complete: true, sessionsUnderOtherKeys: 7 });
    expect(done).toEqual([3, 6, 7]);
    expect((await vaultWith(KEY_2).status()).byKeyId).toEqual({ k2: 7 });
  });

  it('keeps every token what it was', async () => {
    const before = await Promise.all(grantIds.map((id) => under.service.getAccessToken(id)));
    await vaultWith(KEY_2, KEY_1).rotate();
    const rotated = under.anotherProcess({ encryptionKeys: [KEY_2] });
    expect(await Promise.all(grantIds.map((id) => rotated.getAccessToken(id)))).toEqual(before);
    await rotated.refresh(grantIds[0] as string);
    expect(under.provider.refreshTokens).toEqual(['refresh-1']);
  });

  it('lets processes start without the old key once it is complete, and not before', async () => {
    const withoutOld = () => under.anotherProcess({ encryptionKeys: [KEY_2] }).onApplicationBootstrap();
    await expect(withoutOld()).rejects.toThrow(/key 'k1' is missing/);
    await vaultWith(KEY_2, KEY_1).rotate();
    await expect(withoutOld()).resolves.toBeUndefined();
  });

  it('leaves alone what it cannot open, says so, and is not complete', async () => {
    const foreign = under.anotherProcess({
      encryptionKeys: [{ id: 'k3', key: strongKey(3) }],
    });
    await foreign.exchangeCode('code-foreign');
    const report = await vaultWith(KEY_2, KEY_1).rotate();
    expect(report).toMatchObject({ resealed: 7, unreadable: 1, complete: false });
    expect((await vaultWith(KEY_2).status()).byKeyId).toEqual({ k2: 7, k3: 1 });
  });

  it('goes on where it was broken off', async () => {
    const stop = new AbortController();
    const first = await vaultWith(KEY_2, KEY_1).rotate({
      batchSize: 2,
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    expect(first).toMatchObject({ resealed: 2, unreadable: 0, complete: false });
    expect(await vaultWith(KEY_2, KEY_1).rotate()).toMatchObject({ resealed: 5, unreadable: 0, complete: true });
  });

  it('counts what a rotation would do, and does not even enter the new key', async () => {
    const dryRun = (...keys: EncryptionKey[]) => vaultWith(...keys).rotate({ dryRun: true });
    expect(await dryRun(KEY_2, KEY_1)).toEqual({
      resealed: 7,
      unreadable: 0,
      complete: false,
      sessionsUnderOtherKeys: 7,
    });
    expect(await under.store.listKeyChecks()).toHaveLength(1);
    expect(await dryRun(KEY_1)).toEqual({ resealed: 0, unreadable: 0, complete: true, sessionsUnderOtherKeys: 0 });
  });

  it('changes nothing when a key that is still in use is missing or another one', async () => {
    const wrong = { id: 'k1', key: strongKey(9) };
    await expect(vaultWith(KEY_2).rotate()).rejects.toThrow("the key 'k1' is missing");
    await expect(vaultWith(KEY_2, wrong).rotate()).rejects.toThrow("the key 'k1' is not the one that encrypted before");
    await expect(vaultWith(wrong).rotate({ dryRun: true })).rejects.toThrow("the key 'k1' is not the one");
    expect((await vaultWith().status()).byKeyId).toEqual({ k1: 7 });
  });

  it('does all but rotate without the keys', async () => {
    await expect(vaultWith().rotate()).rejects.toThrow('a rotation needs the keys');
    expect(await vaultWith().status()).toMatchObject({ sealingKeyId: undefined, neededKeyIds: ['k1'] });
    expect(await vaultWith().sweep()).toEqual({ grants: 0, exchanges: 0, revocations: 0 });
    expect(await vaultWith().forget('player-1')).toBe(7);
  });

  it('takes another pass for grants that moved on under its hands', async () => {
    const old = jest.spyOn(under.store, 'resealGrants').mockImplementationOnce(async () => {
      await under.service.refresh(grantIds[0] as string);
      return 0;
    });
    expect(await vaultWith(KEY_2, KEY_1).rotate()).toMatchObject({ resealed: 7, complete: true });
    expect(old).toHaveBeenCalledTimes(2);
  });

  it('says what it holds and which keys it needs', async () => {
    await under.service.revoke(grantIds[0] as string);
    expect(await vaultWith(KEY_2, KEY_1).status()).toEqual({
      byState: { active: 6, suspect: 0, needs_reauth: 0, revoked: 1 },
      clients: [{ provider: 'nowgg', clientKey: 'client-of-nowgg', grants: 6 }],
      // The tokens of a grant that has ended are deleted, so it needs no key.
      byKeyId: { k1: 6 },
      firstVersionByKeyId: {},
      sessionsByKeyId: { k1: 6 },
      sessionsOfUnknownKey: 0,
      exchanges: 7,
      sealingKeyId: 'k2',
      neededKeyIds: ['k1'],
    });
  });

  it('sweeps what ended a month ago, and only counts when asked to', async () => {
    await under.service.revoke(grantIds[0] as string);
    await under.pass(30 * DAY_MS);
    expect(await vaultWith(KEY_1).sweep({ dryRun: true })).toEqual({ grants: 1, exchanges: 7, revocations: 0 });
    expect(await vaultWith(KEY_1).sweep({ batchSize: 2 })).toEqual({ grants: 1, exchanges: 7, revocations: 0 });
    expect(await vaultWith(KEY_1).sweep({ dryRun: true })).toEqual({ grants: 0, exchanges: 0, revocations: 0 });
    expect(await under.service.listGrants('player-1')).toHaveLength(6);
  });

  it('sweeps claims of proofs whose time is over, in batches, and no others', async () => {
    const claim = async (name: string, keptForMs: number) => under.store.claimProof(name, keptForMs);
    for (let n = 0; n < 7; n += 1) await claim(`short-${n}`, 60_000);
    await claim('long', 2 * DAY_MS);
    await under.pass(DAY_MS);
    await vaultWith(KEY_1).sweep({ dryRun: true });
    expect((await under.store.sweepProofs(1)).rows).toBe(1);
    await vaultWith(KEY_1).sweep({ batchSize: 2 });
    expect((await under.store.sweepProofs(10)).rows).toBe(0);
    expect(await claim('long', 60_000)).toBe(false);
  });

  it('forgets a user, and only counts when asked to', async () => {
    expect(await vaultWith(KEY_1).forget('player-1', { dryRun: true })).toBe(7);
    expect(await vaultWith(KEY_1).forget('player-1')).toBe(7);
    expect(await under.service.listGrants('player-1')).toEqual([]);
    expect(await vaultWith(KEY_1).forget('')).toBe(0);
  });

  describe('after a rotation, for players who were away', () => {
    let sessions: string[];
    const rotated = (...encryptionKeys: EncryptionKey[]) => under.anotherProcess({ encryptionKeys });
    const withKeptHandles = () =>
      under.anotherProcess({ encryptionKeys: [KEY_2, KEY_1], sessions: { rotation: false } });

    beforeEach(async () => {
      sessions = [];
      for (const code of ['away-1', 'away-2']) sessions.push((await under.signIn(code)).session);
      for (const id of grantIds) await under.service.revoke(id);
      await vaultWith(KEY_2, KEY_1).rotate();
    });

    it('counts their sessions under the old key, and needs that key until they have come back', async () => {
      expect(await vaultWith(KEY_2, KEY_1).status()).toMatchObject({
        sessionsByKeyId: { k1: 2 },
        neededKeyIds: ['k1', 'k2'],
      });
      const service = rotated(KEY_2, KEY_1);
      for (const handle of sessions) {
        const { session } = await service.openSession(handle);
        await service.openSession(session);
      }
      const status = await vaultWith(KEY_2, KEY_1).status();
      expect(status).toMatchObject({ sessionsByKeyId: { k2: 2 }, neededKeyIds: ['k2'] });
      for (const handle of sessions) await expect(rotated(KEY_2).sessionGrant(handle)).rejects.toThrow('not valid');
    });

    it('goes on needing the old key while the new handle may not have arrived', async () => {
      const service = rotated(KEY_2, KEY_1);
      for (const handle of sessions) await service.openSession(handle);
      expect((await vaultWith(KEY_2, KEY_1).status()).neededKeyIds).toEqual(['k1', 'k2']);
    });

    it('counts the old handle again when a player comes back with it after the new one', async () => {
      const service = rotated(KEY_2, KEY_1);
      const [first = ''] = sessions;
      await service.sessionGrant((await service.openSession(first)).session);
      expect((await vaultWith(KEY_2, KEY_1).status()).sessionsByKeyId).toEqual({ k1: 1, k2: 1 });
      await service.openSession(first);
      expect((await vaultWith(KEY_2, KEY_1).status()).sessionsByKeyId).toEqual({ k1: 2 });
    });

    it('writes only when the key has changed', async () => {
      const note = jest.spyOn(under.store, 'noteHandleKey');
      const service = withKeptHandles();
      const { session } = await service.openSession(sessions[0] as string);
      expect(note).not.toHaveBeenCalled();
      await service.openSession(session);
      await service.openSession(session);
      expect(note).toHaveBeenCalledTimes(1);
    });

    it('serves a session although the count cannot be written', async () => {
      jest.spyOn(under.store, 'noteHandleKey').mockRejectedValue(new Error('down'));
      const service = withKeptHandles();
      const { session } = await service.openSession(sessions[0] as string);
      await expect(service.openSession(session)).resolves.toMatchObject({ session });
    });
  });

  it('needs every key behind the first for sessions of which it does not know the key', async () => {
    const [codeHash, owner] = ['code', 'owner'];
    await under.store.claimExchange({ codeHash, owner, leaseMs: 1_000 });
    const { handleKeyId: _unknown, ...grant } = (await under.store.findGrant(grantIds[0] as string)) as GrantRecord;
    await under.store.completeExchange(codeHash, { ...grant, id: '00000000-0000-4000-8000-000000000001' });
    const status = await vaultWith(KEY_2, KEY_1, { id: 'k0', key: strongKey(0) }).status();
    expect(status).toMatchObject({ sessionsOfUnknownKey: 1, neededKeyIds: ['k0', 'k1'] });
  });
});
