import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';

const KEPT_MS = 60_000;

/** What every token store has to do about the proofs of session keys. */
export function describeSessionProofs(
  under: () => { readonly store: TokenStore; pass(ms: number): Promise<void> },
): void {
  describe('proofs of session keys', () => {
    const claim = (name: string) => under().store.claimProof(name, KEPT_MS);
    const sweepAll = async () => {
      let rows = 0;
      for (let next: string | undefined; ; ) {
        const swept = await under().store.sweepProofs(500, next);
        rows += swept.rows;
        next = swept.next;
        if (next === undefined) return rows;
      }
    };

    it('are claimed by one of many that come at once', async () => {
      const names = [randomUUID(), randomUUID()];
      const claims = await Promise.all(Array.from({ length: 40 }, (_, n) => claim(names[n % 2] as string)));
      expect(claims.filter(Boolean)).toHaveLength(2);
      expect(await claim(names[0] as string)).toBe(false);
    });

    it('are remembered for their time, whatever is swept and claimed meanwhile', async () => {
      await under().pass(KEPT_MS + 1);
      await sweepAll();
      const name = randomUUID();
      await claim(name);
      await under().pass(KEPT_MS - 10_000);
      await sweepAll();
      for (let n = 0; n < 5; n += 1) expect(await claim(randomUUID())).toBe(true);
      expect(await claim(name)).toBe(false);
      await under().pass(10_001);
      expect(await sweepAll()).toBe(1);
      expect(await claim(name)).toBe(true);
    });

    it('are swept in batches', async () => {
      await under().pass(KEPT_MS + 1);
      await sweepAll();
      const names = Array.from({ length: 7 }, () => randomUUID());
      for (const name of names) await claim(name);
      await under().pass(KEPT_MS + 1);
      const first = await under().store.sweepProofs(3);
      expect(first).toMatchObject({ rows: 3, next: expect.any(String) });
      expect((await under().store.sweepProofs(3, first.next)).rows).toBe(3);
      expect(await sweepAll()).toBe(1);
      expect(await sweepAll()).toBe(0);
    });

    it('go away with later claims too: few are left where nothing is swept', async () => {
      await under().pass(KEPT_MS + 1);
      await sweepAll();
      const claimMany = (count: number) => Promise.all(Array.from({ length: count }, () => claim(randomUUID())));
      await claimMany(300);
      await under().pass(KEPT_MS + 1);
      await claimMany(128);
      expect(await sweepAll()).toBeLessThan(100);
    });
  });
}
