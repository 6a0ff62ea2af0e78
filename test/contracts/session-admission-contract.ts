import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { GrantRecord, NewGrant } from '../../libs/nowgg-auth/src/tokens/store/grant-record.js';
import type { AdmittedSession, SessionAdmission } from '../../libs/nowgg-auth/src/tokens/store/session-record.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';

const MINUTE_MS = 60_000;
const LONG_AGO = Date.UTC(2020, 0, 1);

/** What every token store has to do about the number of a player's sessions. */
export function describeSessionAdmission(
  under: () => { readonly store: TokenStore; pass(ms: number): Promise<void> },
  stored: (overrides: Partial<NewGrant>) => Promise<GrantRecord>,
): void {
  describe('the sessions of a player', () => {
    const player = () => `player-${randomUUID()}`;
    const admit = async (
      { id, provider, userId, clientKey }: GrantRecord,
      overrides: Partial<SessionAdmission> = {},
    ): Promise<AdmittedSession> =>
      under().store.admitSession({ id, provider, userId, clientKey, max: 1, whenFull: 'end_oldest', ...overrides });
    const signedIn = async (overrides: Partial<NewGrant>, admission: Partial<SessionAdmission> = {}) => {
      const grant = await stored(overrides);
      return { grant, ...(await admit(grant, admission)) };
    };
    const live = async ({ userId, provider, clientKey }: GrantRecord) =>
      (await under().store.listLive(provider, userId, clientKey, 100)).map(({ id }) => id);

    it('are one: the next ends the one before, which is returned as it was', async () => {
      const userId = player();
      const first = await signedIn({ userId });
      expect(first).toMatchObject({ outcome: 'admitted', ended: [] });
      const second = await signedIn({ userId });
      expect(second.outcome).toBe('admitted');
      expect(second.ended).toMatchObject([{ id: first.grant.id, state: 'active', sessionVersion: 1 }]);
      expect(await live(second.grant)).toEqual([second.grant.id]);
      const ended = await under().store.findGrant(first.grant.id);
      expect(ended).toMatchObject({ state: 'revoked', sessionVersion: 2, failCode: 'signed_in_elsewhere' });
      expect(ended?.refreshCiphertext.length).toBeGreaterThan(0);
    });

    it('are three, and the fourth ends the one that began first', async () => {
      const userId = player();
      const all = [];
      for (let n = 0; n < 4; n += 1) {
        all.push(await signedIn({ userId }, { max: 3 }));
        await under().pass(1_000);
      }
      expect(all.map(({ ended }) => ended.map(({ id }) => id))).toEqual([[], [], [], [all[0]?.grant.id]]);
      expect(await live(all[3]!.grant)).toEqual([all[3], all[2], all[1]].map((each) => each?.grant.id));
    });

    it('that are admitted again end nothing, and are told what still has its tokens', async () => {
      const userId = player();
      const first = await signedIn({ userId });
      const second = await signedIn({ userId });
      const third = await stored({ userId });
      expect((await admit(second.grant)).ended.map(({ id }) => id)).toEqual([first.grant.id]);
      await under().store.wipeTexts(first.grant.id);
      expect(await admit(second.grant)).toEqual({ outcome: 'admitted', ended: [] });
      expect((await live(third)).toSorted()).toEqual([second.grant.id, third.id].toSorted());
    });

    it('that have ended are not admitted, and end no other', async () => {
      const userId = player();
      const { grant } = await signedIn({ userId });
      const ended = await stored({ userId });
      await under().store.revokeGrant(ended.id);
      expect(await admit(ended)).toEqual({ outcome: 'ended', ended: [] });
      expect(await live(grant)).toEqual([grant.id]);
    });

    it('are left alone for two minutes while their own sign-in is in progress', async () => {
      const userId = player();
      const pending = await stored({ userId });
      const { ended } = await signedIn({ userId });
      expect(ended).toEqual([]);
      await under().pass(2 * MINUTE_MS + 1);
      const next = await signedIn({ userId });
      expect(next.ended.map(({ id }) => id)).toContain(pending.id);
      expect(await live(next.grant)).toEqual([next.grant.id]);
    });

    it('are counted for each user, provider and client, or for all clients', async () => {
      const userId = player();
      const one = await signedIn({ userId });
      const spelled = await signedIn({ userId: userId.toUpperCase() });
      const decomposed = await signedIn({ userId: `${userId}\u0065\u0301` });
      const composed = await signedIn({ userId: `${userId}\u00e9` });
      const other = await signedIn({ userId, provider: 'other' });
      const title = await signedIn({ userId, clientKey: 'other-client' });
      expect([spelled, decomposed, composed, other, title].map(({ ended }) => ended.length)).toEqual([0, 0, 0, 0, 0]);
      const all = await signedIn({ userId, clientKey: 'third-client' }, { clientKey: undefined });
      expect(all.ended.map(({ id }) => id).toSorted()).toEqual([one.grant.id, title.grant.id].toSorted());
      expect(await live(other.grant)).toEqual([other.grant.id]);
    });

    it('refuse another one while they count: that one is ended, and none of them', async () => {
      const userId = player();
      const first = await signedIn({ userId }, { whenFull: 'refuse' });
      expect(first.outcome).toBe('admitted');
      const second = await signedIn({ userId }, { whenFull: 'refuse' });
      expect(second).toMatchObject({ outcome: 'refused', ended: [{ id: second.grant.id, state: 'active' }] });
      expect(await live(first.grant)).toEqual([first.grant.id]);
      expect(await under().store.findGrant(second.grant.id)).toMatchObject({
        state: 'revoked',
        failCode: 'too_many_sessions',
      });
    });

    it('do not count without an unexpired token ten minutes after their last use', async () => {
      const userId = player();
      const first = await signedIn({ userId, accessTokenExpiresAtMs: LONG_AGO }, { whenFull: 'refuse' });
      const early = await signedIn({ userId }, { whenFull: 'refuse' });
      expect(early.outcome).toBe('refused');
      await under().pass(9 * MINUTE_MS);
      await under().store.noteSessionUse(first.grant.id);
      await under().pass(9 * MINUTE_MS);
      expect((await signedIn({ userId }, { whenFull: 'refuse' })).outcome).toBe('refused');
      await under().pass(2 * MINUTE_MS);
      const next = await signedIn({ userId }, { whenFull: 'refuse' });
      expect(next).toMatchObject({ outcome: 'admitted', ended: [{ id: first.grant.id }] });
    });

    it('that do not count end with the next sign-in, however many there may be', async () => {
      const userId = player();
      const over = await signedIn({ userId, accessTokenExpiresAtMs: LONG_AGO }, { max: 5 });
      const counted = await signedIn({ userId }, { max: 5 });
      await under().pass(11 * MINUTE_MS);
      const next = await signedIn({ userId }, { max: 5 });
      expect(next.ended.map(({ id }) => id)).toEqual([over.grant.id]);
      expect((await live(next.grant)).toSorted()).toEqual([counted.grant.id, next.grant.id].toSorted());
    });

    it('of the same device replace each other, also where others are refused', async () => {
      const userId = player();
      const first = await signedIn({ userId, deviceKey: 'device-1' }, { whenFull: 'refuse' });
      const again = await signedIn({ userId, deviceKey: 'device-1' }, { whenFull: 'refuse' });
      expect(again).toMatchObject({ outcome: 'admitted', ended: [{ id: first.grant.id }] });
      expect((await signedIn({ userId, deviceKey: 'device-2' }, { whenFull: 'refuse' })).outcome).toBe('refused');
      expect((await signedIn({ userId }, { whenFull: 'refuse' })).outcome).toBe('refused');
      expect(await live(again.grant)).toEqual([again.grant.id]);
    });

    it('whose handles are bound to the same key replace each other in the same way', async () => {
      const userId = player();
      const bound = { userId, keyThumbprint: 'k'.repeat(43) };
      const first = await signedIn(bound, { whenFull: 'refuse' });
      expect(first.grant).toMatchObject({ keyThumbprint: bound.keyThumbprint });
      const again = await signedIn({ ...bound, deviceKey: 'device-1' }, { whenFull: 'refuse' });
      expect(again).toMatchObject({ outcome: 'admitted', ended: [{ id: first.grant.id }] });
      for (const keyThumbprint of ['K'.repeat(43), undefined]) {
        expect((await signedIn({ userId, keyThumbprint }, { whenFull: 'refuse' })).outcome).toBe('refused');
      }
      const device = await signedIn({ userId, deviceKey: 'device-1' }, { whenFull: 'refuse' });
      expect(device).toMatchObject({ outcome: 'admitted', ended: [{ id: again.grant.id }] });
      expect((await under().store.findGrant(device.grant.id))?.keyThumbprint).toBeUndefined();
    });

    it('are exactly as many as are allowed when many begin at once', async () => {
      const userId = player();
      const grants = await Promise.all(Array.from({ length: 12 }, () => stored({ userId })));
      const outcomes = await Promise.all(grants.map(async (grant) => admit(grant, { max: 3 })));
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array.from(grants, () => 'admitted'));
      expect(outcomes.flatMap(({ ended }) => ended)).toHaveLength(9);
      expect(await live(grants[0]!)).toHaveLength(3);
    });

    it('have a device and a place', async () => {
      const { grant } = await signedIn({ device: 'Phone 📱', place: 'SE', deviceKey: 'key' });
      expect(await under().store.findGrant(grant.id)).toMatchObject({
        device: 'Phone 📱',
        place: 'SE',
        deviceKey: 'key',
        admittedAtMs: expect.any(Number),
      });
    });

    it('are listed newest first, as many as asked for, without ended ones', async () => {
      const userId = player();
      const grants: GrantRecord[] = [];
      for (let n = 0; n < 3; n += 1) {
        grants.push(await stored({ userId }));
        await under().pass(1_000);
      }
      await under().store.revokeGrant(grants[1]!.id);
      await stored({ userId, clientKey: 'other-client' });
      expect(await live(grants[0]!)).toEqual([grants[2]!.id, grants[0]!.id]);
      expect(await under().store.listLive('nowgg', userId, 'client-key', 1)).toMatchObject([{ id: grants[2]!.id }]);
    });

    it('are listed for support with ended ones after them, of one client or of all', async () => {
      const userId = player();
      const grants: GrantRecord[] = [];
      for (let n = 0; n < 4; n += 1) {
        grants.push(await stored({ userId, clientKey: n === 3 ? 'other-client' : 'client-key' }));
        await under().pass(1_000);
      }
      await under().store.revokeGrant(grants[2]!.id);
      const newest = async (clientKey: string | undefined, limit = 9) =>
        (await under().store.listNewest('nowgg', userId, clientKey, limit)).map(({ id }) =>
          grants.findIndex((each) => each.id === id),
        );
      expect(await newest('client-key')).toEqual([1, 0, 2]);
      expect(await newest(undefined)).toEqual([3, 1, 0, 2]);
      expect(await newest(undefined, 2)).toEqual([3, 1]);
    });
  });
}
