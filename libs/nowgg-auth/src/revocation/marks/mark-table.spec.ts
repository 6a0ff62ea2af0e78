import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { BY_ID } from './mark-keying.js';
import { MarkTable } from './mark-table.js';
import type { RevocationKind } from './watermark.js';
import { Watermarks } from './watermarks.js';

const MINUTE_MS = 60_000;
const times = (issuedUntilMs: number) => ({
  issuedUntilMs,
  refusedUntilMs: Number.NaN,
  markedAtMs: issuedUntilMs,
  notAfterMs: Number.NaN,
});

function bytesInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + Math.max(external, arrayBuffers);
}

describe('a table of marks', () => {
  it.each<[RevocationKind, () => string]>([
    ['user', randomUUID],
    ['session', randomUUID],
    ['credential', () => createHash('sha256').update(randomUUID()).digest('base64url')],
  ])('takes at most 100 bytes for each of 30,000 marks of a %s', (kind, newId) => {
    const nowMs = 1_800_000_000_000;
    const before = bytesInUse();
    const watermarks = new Watermarks();
    for (let count = 0; count < 30_000; count += 1) {
      // Over a day, as players sign out.
      const markedAtMs = nowMs + count * 2_880;
      const mark = { provider: 'nowgg', kind, id: newId(), issuedUntilMs: markedAtMs + 5_000, markedAtMs };
      watermarks.apply({ ...mark, refusedUntilMs: undefined, notAfterMs: markedAtMs + 3_600_000 }, nowMs);
    }
    const bytes = bytesInUse() - before;
    expect(watermarks.size).toBe(30_000);
    expect(bytes).toBeLessThanOrEqual(100 * 30_000);
  });

  it('gives back what ended marks took', () => {
    const table = new MarkTable(BY_ID);
    for (let round = 0; round < 20; round += 1) {
      const nowMs = round * 10 * MINUTE_MS;
      for (let count = 0; count < 500; count += 1) table.put(`${round}-${count}`, times(nowMs), nowMs + MINUTE_MS);
      table.prune(nowMs + 5 * MINUTE_MS, ({ issuedUntilMs }) => issuedUntilMs + MINUTE_MS);
      expect(table.size).toBe(0);
      expect(table.find(`${round}-7`)).toBe(-1);
    }
  });

  it('drops of many marks that end at one time only some at once, and all in the end', () => {
    const table = new MarkTable(BY_ID);
    for (let count = 0; count < 50_000; count += 1) table.put(String(count), times(0), MINUTE_MS);
    table.prune(10 * MINUTE_MS, () => MINUTE_MS);
    expect(table.size).toBe(30_000);
    table.put('new', times(0), 20 * MINUTE_MS);
    for (let turn = 0; turn < 3; turn += 1) table.prune(10 * MINUTE_MS, () => MINUTE_MS);
    expect(table.size).toBe(1);
    expect(table.find('new')).toBeGreaterThanOrEqual(0);
  });

  it('looks at no mark that has not ended', () => {
    const table = new MarkTable(BY_ID);
    for (let count = 0; count < 1_000; count += 1) table.put(String(count), times(0), 1_000 * MINUTE_MS);
    let looked = 0;
    for (let minute = 0; minute < 900; minute += 1) {
      table.prune(minute * MINUTE_MS, () => {
        looked += 1;
        return 1_000 * MINUTE_MS;
      });
    }
    expect(looked).toBe(0);
  });

  it('finds marks whose ids meet at the same place, after others of them are gone', () => {
    const table = new MarkTable({ first: (id) => Number(id) % 3, rest: (id) => [Number(id), 0, 0] });
    for (let id = 0; id < 200; id += 1) table.put(String(id), times(id), id % 2 === 0 ? MINUTE_MS : 100 * MINUTE_MS);
    table.prune(5 * MINUTE_MS, ({ issuedUntilMs }) => (issuedUntilMs % 2 === 0 ? MINUTE_MS : 100 * MINUTE_MS));
    const found = Array.from({ length: 200 }, (_, id) => table.find(String(id)) >= 0);
    expect(found).toEqual(Array.from({ length: 200 }, (_, id) => id % 2 === 1));
  });
});
