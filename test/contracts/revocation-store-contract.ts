import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RevocationStore } from '../../libs/nowgg-auth/src/revocation/revocation-store.js';
import { isSpent, type Watermark } from '../../libs/nowgg-auth/src/revocation/watermark.js';

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
      const watermark = mark({ issuedUntilMs: now, refusedUntilMs: now + 60_001 });
      expect(await opened.store.put(watermark)).toEqual(watermark);
      expect(await opened.store.find(watermark)).toEqual(watermark);
    });

    it('keeps the later sign-out and the newer end of a ban of one subject', async () => {
      const first = mark({ issuedUntilMs: now, refusedUntilMs: now + 60_000 });
      await opened.store.put(first);
      const merged = await opened.store.put({ ...first, issuedUntilMs: now - 5, refusedUntilMs: now + 30_000 });
      expect(merged).toEqual({ ...first, refusedUntilMs: now + 30_000 });
      expect(await opened.store.put({ ...first, issuedUntilMs: now + 5, refusedUntilMs: undefined })).toEqual({
        ...merged,
        issuedUntilMs: now + 5,
      });
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
      const first = await opened.store.changesSince(undefined);
      expect(first.watermarks).toEqual(expect.arrayContaining([kept, lifted]));
      await opened.store.lift(lifted);
      const { watermarks } = await opened.store.changesSince(first.cursor);
      const left = watermarks.filter(({ id }) => id === lifted.id);
      expect(left.every((watermark) => isSpent(watermark, now))).toBe(true);
      const found = await opened.store.find(lifted);
      expect(found === undefined || isSpent(found, now)).toBe(true);
    });

    it('tells nothing of what is spent to who asks for everything', async () => {
      const spent = mark({ refusedUntilMs: now - 60_000 });
      await opened.store.put(spent);
      const { watermarks } = await opened.store.changesSince(undefined);
      expect(watermarks.filter((watermark) => !isSpent(watermark, now)).map(({ id }) => id)).not.toContain(spent.id);
    });

    it('takes lifting what it does not know', async () => {
      await expect(opened.store.lift(mark())).resolves.toBeUndefined();
    });
  });
}
