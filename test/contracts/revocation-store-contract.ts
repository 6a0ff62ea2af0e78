import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RevocationStore } from '../../libs/nowgg-auth/src/revocation/revocation-store.js';
import { isSpent, type Watermark } from '../../libs/nowgg-auth/src/revocation/marks/watermark.js';

/** All pages of a load, and the cursor after them. */
async function everythingIn(
  store: RevocationStore,
): Promise<{ readonly watermarks: readonly Watermark[]; readonly cursor: string }> {
  const watermarks: Watermark[] = [];
  for (let cursor: string | undefined; ; ) {
    const changes = await store.changesSince(cursor);
    watermarks.push(...changes.watermarks);
    cursor = changes.cursor;
    if (!changes.isPartial) return { watermarks, cursor };
  }
}

/** What every store of watermarks holds, whatever it is made of. */
export function describeRevocationStore(
  name: string,
  open: () => Promise<{ store: RevocationStore; dispose: () => Promise<void> }>,
): void {
  describe(`${name}: a revocation store`, () => {
    const now = Date.now();
    let opened: Awaited<ReturnType<typeof open>>;
    let ids = 0;
    const mark = (overrides: Partial<Watermark> = {}): Watermark => {
      ids += 1;
      return {
        provider: 'nowgg',
        kind: 'user',
        id: `u${ids}`,
        issuedUntilMs: undefined,
        refusedUntilMs: undefined,
        ...overrides,
      };
    };

    beforeAll(async () => {
      opened = await open();
    });

    afterAll(async () => opened.dispose());

    it('gives back what was put, to the millisecond', async () => {
      const watermark = mark({
        issuedUntilMs: now,
        refusedUntilMs: now + 60_001,
        markedAtMs: now,
        notAfterMs: now + 3_600_001,
      });
      const marked = { ...watermark, markedAtMs: expect.any(Number) };
      expect(await opened.store.put(watermark)).toEqual(marked);
      expect(await opened.store.find(watermark)).toEqual(marked);
    });

    it('keeps the time that another system states for a sign-out, also when it comes again', async () => {
      const stated = mark({ issuedUntilMs: now - 60_000, markedAtMs: now - 60_000, isStated: true });
      for (let times = 0; times < 2; times += 1) {
        expect(await opened.store.put(stated)).toMatchObject({ issuedUntilMs: now - 60_000, markedAtMs: now - 60_000 });
      }
      const later = await opened.store.put({ ...stated, issuedUntilMs: now, markedAtMs: now, isStated: undefined });
      expect(later.markedAtMs).toBeGreaterThanOrEqual(now - 5_000);
      expect((await opened.store.put(stated)).markedAtMs).toBe(later.markedAtMs);
    });

    it('keeps the later sign-out and the newer end of a ban of one subject', async () => {
      const first = mark({ issuedUntilMs: now, refusedUntilMs: now + 60_000 });
      await opened.store.put(first);
      const merged = await opened.store.put({ ...first, issuedUntilMs: now - 5, refusedUntilMs: now + 30_000 });
      expect(merged).toEqual({ ...first, refusedUntilMs: now + 30_000, markedAtMs: expect.any(Number) });
      expect(await opened.store.put({ ...first, issuedUntilMs: now + 5, refusedUntilMs: undefined })).toMatchObject({
        issuedUntilMs: now + 5,
        refusedUntilMs: now + 30_000,
      });
    });

    it('keeps the later of two times until which a mark matters', async () => {
      const first = mark({ kind: 'session', issuedUntilMs: now, notAfterMs: now + 60_000 });
      await opened.store.put(first);
      expect(await opened.store.put({ ...first, notAfterMs: now + 30_000 })).toMatchObject({
        notAfterMs: now + 60_000,
      });
      expect(await opened.store.put({ ...first, notAfterMs: undefined })).toMatchObject({ notAfterMs: now + 60_000 });
      expect(await opened.store.put({ ...first, notAfterMs: now + 90_000 })).toMatchObject({
        notAfterMs: now + 90_000,
      });
    });

    it('dates a sign-out when it is written, and leaves that date when a ban follows', async () => {
      const subject = mark();
      const signedOut = await opened.store.put({ ...subject, issuedUntilMs: now, markedAtMs: now });
      const banned = await opened.store.put({ ...subject, refusedUntilMs: now + 60_000 });
      expect(banned.markedAtMs).toBe(signedOut.markedAtMs);
    });

    it('takes many at once, one subject several times, and gives one outcome for each subject', async () => {
      const [one, other] = [mark({ issuedUntilMs: now }), mark({ refusedUntilMs: now + 60_000 })];
      const outcomes = await opened.store.putMany([one, other, { ...one, issuedUntilMs: now + 7 }]);
      const byId = new Map(outcomes.map((outcome) => [outcome.id, outcome]));
      expect(byId.get(one.id)).toMatchObject({ issuedUntilMs: now + 7 });
      expect(byId.get(other.id)).toMatchObject({ refusedUntilMs: now + 60_000 });
      expect(await opened.store.find(one)).toMatchObject({ issuedUntilMs: now + 7 });
      expect(await opened.store.putMany([])).toEqual([]);
    });

    it('finds several at once, and leaves out those of which it has nothing', async () => {
      const [one, other, unknown] = [mark({ issuedUntilMs: now }), mark({ refusedUntilMs: now + 60_000 }), mark()];
      await opened.store.putMany([one, other]);
      const found = await opened.store.findMany([one, unknown, { ...other, kind: 'session' }, other]);
      expect(found.map(({ id }) => id).toSorted()).toEqual([one.id, other.id].toSorted());
      expect(found.find(({ id }) => id === other.id)).toEqual(await opened.store.find(other));
      expect(await opened.store.findMany([])).toEqual([]);
    });

    it('tells processes that start later how long tokens live, and never less than before', async () => {
      await opened.store.keepTokenLife('nowgg', 90_000_000);
      await opened.store.keepTokenLife('nowgg', 80_000_000);
      expect(await opened.store.tokenLives()).toEqual(opened.store.isShared ? [['nowgg', 90_000_000]] : []);
    });

    it('keeps subjects of another provider or kind with the same id apart', async () => {
      const one = mark({ issuedUntilMs: now });
      await opened.store.put(one);
      expect(await opened.store.find({ ...one, provider: 'other' })).toBeUndefined();
      expect(await opened.store.find({ ...one, kind: 'session' })).toBeUndefined();
    });

    it('tells what is new since a cursor, a lifted subject as one that nothing is refused of', async () => {
      const [kept, lifted] = [mark({ issuedUntilMs: now }), mark({ issuedUntilMs: now })];
      await opened.store.put(kept);
      await opened.store.put(lifted);
      const first = await everythingIn(opened.store);
      // A store of one process has nothing to tell: its own process wrote it.
      const told = opened.store.isShared ? [kept.id, lifted.id] : [];
      expect(first.watermarks.map(({ id }) => id)).toEqual(expect.arrayContaining(told));
      await opened.store.restore(lifted);
      const { watermarks } = await opened.store.changesSince(first.cursor);
      const left = [...watermarks].filter(({ id }) => id === lifted.id);
      expect(left.every((watermark) => isSpent(watermark, now))).toBe(true);
      const found = await opened.store.find(lifted);
      expect(found === undefined || isSpent(found, now)).toBe(true);
    });

    it('tells nothing of what is spent to who asks for everything', async () => {
      const spent = mark({ refusedUntilMs: now - 60_000 });
      await opened.store.put(spent);
      const { watermarks } = await everythingIn(opened.store);
      expect(watermarks.filter((watermark) => !isSpent(watermark, now)).map(({ id }) => id)).not.toContain(spent.id);
    });

    describe('of a ban', () => {
      const ban = { reasonCode: 'cheating', text: 'Aim <b>help</b> 🎯', by: 'desk-7', atMs: now };
      const statedOf = async (subject: Watermark) => {
        const [stated] = await opened.store.findBans([subject]);
        return stated;
      };

      it('gives back the reason, the author, the end and the begin of those in force', async () => {
        const [one, silent, spent] = [
          mark({ refusedUntilMs: now + 60_001, ban }),
          mark({ refusedUntilMs: now + 60_000, ban: { ...ban, reasonCode: undefined, text: undefined } }),
          mark({ refusedUntilMs: now - 1, ban }),
        ];
        await opened.store.putMany([one, silent, spent]);
        const { provider, kind, id } = one;
        const found = await opened.store.findBans([one, silent, spent, mark()]);
        expect(found.find((each) => each.id === id)).toEqual({
          provider,
          kind,
          id,
          untilMs: now + 60_001,
          beganAtMs: expect.any(Number),
          reasonCode: 'cheating',
          text: 'Aim <b>help</b> 🎯',
          by: 'desk-7',
        });
        expect(found.map((each) => each.id).toSorted()).toEqual([one.id, silent.id].toSorted());
        expect(await opened.store.findBans([])).toEqual([]);
      });

      it('keeps the reason and the begin through a sign-out, and forgets them with the ban', async () => {
        const subject = mark({ refusedUntilMs: now + 60_000, ban });
        await opened.store.put(subject);
        const before = await statedOf(subject);
        await opened.store.put({ ...subject, refusedUntilMs: undefined, ban: undefined, issuedUntilMs: now });
        expect(await statedOf(subject)).toEqual(before);
        await opened.store.restore(subject);
        expect(await statedOf(subject)).toBeUndefined();
        await opened.store.put({ ...subject, ban: { ...ban, reasonCode: undefined, text: undefined } });
        expect(await statedOf(subject)).toMatchObject({ reasonCode: undefined, text: undefined, by: 'desk-7' });
      });

      it('takes another end and reason, and begins it not anew', async () => {
        const subject = mark({ refusedUntilMs: now + 60_000, ban });
        await opened.store.put(subject);
        const before = await statedOf(subject);
        const again = { ...ban, reasonCode: 'insults', by: undefined, atMs: now + 5_000 };
        await opened.store.put({ ...subject, refusedUntilMs: now + 90_000, ban: again });
        expect(await statedOf(subject)).toMatchObject({
          untilMs: now + 9e4,
          reasonCode: 'insults',
          by: undefined,
          beganAtMs: before?.beganAtMs,
        });
      });
    });

    it('takes lifting what it does not know', async () => {
      await expect(opened.store.restore(mark())).resolves.toBeUndefined();
    });
  });
}
