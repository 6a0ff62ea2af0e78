import { describe, expect, it } from '@jest/globals';
import { BY_ID } from './mark-keying.js';
import { MarkTable } from './mark-table.js';

const MINUTE_MS = 60_000;
const times = (issuedUntilMs: number) => ({
  issuedUntilMs,
  refusedUntilMs: Number.NaN,
  markedAtMs: issuedUntilMs,
  notAfterMs: Number.NaN,
});

describe('a table of marks', () => {
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
