import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../testing-support/manual-clock.js';
import type { GrantRecord } from './grant-record.js';
import { GrantLoader } from './grant-loader.js';
import { MemoryTokenStore } from './memory/memory-token-store.js';
import { settled } from '../testing-support/token-service-under-test.js';

describe('GrantLoader', () => {
  let open: { id: string; answer(generation: number): void; fail(): void }[];
  let reads: GrantLoader;

  beforeEach(() => {
    open = [];
    const store = new MemoryTokenStore(new ManualClock());
    store.findGrant = (id) =>
      new Promise((resolve, reject) => {
        open.push({
          id,
          answer: (generation) => resolve({ id, generation } as GrantRecord),
          fail: () => reject(new Error('down')),
        });
      });
    reads = new GrantLoader(store);
  });
  const generation = async (id: string) => (await reads.find(id))?.generation;

  it('reads at once for the first, and once more for all who ask meanwhile', async () => {
    const first = generation('a');
    const others = [generation('a'), generation('a'), generation('a')];
    expect(open).toHaveLength(1);
    open[0]?.answer(1);
    expect(await first).toBe(1);
    await settled();
    expect(open).toHaveLength(2);
    open[1]?.answer(2);
    expect(await Promise.all(others)).toEqual([2, 2, 2]);
  });

  it('gives no caller a row that was read before its call', async () => {
    const first = generation('a');
    const second = generation('a');
    open[0]?.answer(1);
    await first;
    await settled();
    const third = generation('a');
    open[1]?.answer(2);
    await second;
    await settled();
    open[2]?.answer(3);
    expect(await third).toBe(3);
  });

  it('reads again for those who waited when a read fails', async () => {
    const first = generation('a');
    const second = generation('a');
    open[0]?.fail();
    await expect(first).rejects.toThrow('down');
    await settled();
    open[1]?.answer(2);
    expect(await second).toBe(2);
  });

  it('keeps grants apart and nothing in memory afterwards', async () => {
    const both = [generation('a'), generation('b')];
    expect(open.map(({ id }) => id)).toEqual(['a', 'b']);
    open[0]?.answer(1);
    open[1]?.answer(2);
    expect(await Promise.all(both)).toEqual([1, 2]);
    void generation('a');
    expect(open).toHaveLength(3);
  });
});
