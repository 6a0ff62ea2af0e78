import { createHash, randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import type { RevocationKind } from './watermark.js';
import { Watermarks } from './watermarks.js';

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
});
