import { beforeEach, describe, expect, it } from '@jest/globals';
import { principalOf } from '../principal.js';
import { factsOf } from '../testing-support/fake-identity-provider.js';
import { tokenDigest } from '../verification/cache-key.js';
import { credentialIdOf } from './credential-id.js';
import { mergeWatermarks, WATERMARK_RETENTION_MS, type Watermark } from './watermark.js';
import { Watermarks } from './watermarks.js';

const NOW = 1_000_000;
const facts = factsOf({ userId: 'u', sessionId: 's', tokenId: 't', issuedAtMs: NOW });
const digest = tokenDigest('the token');
const mark = (overrides: Partial<Watermark>): Watermark => ({
  provider: 'nowgg',
  kind: 'user',
  id: 'u',
  issuedUntilMs: undefined,
  refusedUntilMs: undefined,
  ...overrides,
});
let watermarks: Watermarks;

beforeEach(() => {
  watermarks = new Watermarks();
});

const refuses = (overrides = {}, nowMs = NOW) =>
  watermarks.refuse(principalOf({ ...facts, ...overrides }), digest, nowMs);

describe('a watermark', () => {
  it.each([
    ['user', 'u'],
    ['session', 's'],
    ['token', 't'],
    ['credential', credentialIdOf('the token')],
  ] as const)('of a %s refuses what was issued up to it', (kind, id) => {
    watermarks.apply(mark({ kind, id, issuedUntilMs: NOW }), NOW);
    expect(refuses()).toBe(true);
    expect(refuses({ issuedAtMs: NOW + 1 })).toBe(false);
    expect(refuses({ provider: 'other' })).toBe(false);
  });

  it('takes a token that does not tell when it was issued for an old one', () => {
    watermarks.apply(mark({ issuedUntilMs: NOW }), NOW);
    expect(refuses({ issuedAtMs: undefined })).toBe(true);
  });

  it('with an end refuses everything until then, later tokens too', () => {
    watermarks.apply(mark({ refusedUntilMs: NOW + 100 }), NOW);
    expect(refuses({ issuedAtMs: NOW + 50 }, NOW + 99)).toBe(true);
    expect(refuses({}, NOW + 100)).toBe(false);
  });

  it('that is lifted, or spent, is dropped', () => {
    watermarks.apply(mark({ issuedUntilMs: NOW }), NOW);
    watermarks.apply(mark({}), NOW);
    expect(watermarks.size).toBe(0);
    watermarks.apply(mark({ refusedUntilMs: NOW + 1 }), NOW);
    watermarks.apply(mark({ id: 'v', issuedUntilMs: NOW }), NOW);
    watermarks.prune(NOW + 1);
    expect(watermarks.size).toBe(1);
    watermarks.prune(NOW + WATERMARK_RETENTION_MS);
    expect(watermarks.size).toBe(0);
  });

  it('keeps the later of two sign-outs, and the newer end of a ban', () => {
    const older = mark({ issuedUntilMs: NOW, refusedUntilMs: NOW + 500 });
    expect(mergeWatermarks(older, mark({ issuedUntilMs: NOW - 1 }))).toEqual(older);
    expect(mergeWatermarks(older, mark({ refusedUntilMs: NOW + 100 }))).toEqual(
      mark({ issuedUntilMs: NOW, refusedUntilMs: NOW + 100 }),
    );
  });
});
