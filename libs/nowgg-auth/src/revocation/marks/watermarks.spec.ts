import { beforeEach, describe, expect, it } from '@jest/globals';
import { principalOf } from '../../principal.js';
import { factsOf } from '../../testing-support/fake-identity-provider.js';
import { TokenLives } from './token-lives.js';
import { mergeWatermarks, WATERMARK_RETENTION_MS, type Watermark } from './watermark.js';
import { Watermarks } from './watermarks.js';
import { credentialIdOf, tokenDigest } from '../../identity/token-text.js';

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
  ] as const)('of a %s refuses what was issued up to it', (kind, id) => {
    watermarks.apply(mark({ kind, id, issuedUntilMs: NOW }), NOW);
    expect(refuses()).toBe(true);
    expect(refuses({ issuedAtMs: NOW + 1 })).toBe(false);
    expect(refuses({ provider: 'other' })).toBe(false);
  });

  it.each([
    ['token', 't'],
    ['credential', credentialIdOf('the token')],
  ] as const)('of one %s refuses it whatever time of issue it states', (kind, id) => {
    watermarks.apply(mark({ kind, id, issuedUntilMs: NOW }), NOW);
    expect(refuses()).toBe(true);
    expect(refuses({ issuedAtMs: NOW + 1 })).toBe(true);
    expect(refuses({ issuedAtMs: undefined })).toBe(true);
    expect(refuses({ provider: 'other' })).toBe(false);
    expect(watermarks.refuse(principalOf({ ...facts, tokenId: 'T' }), tokenDigest('another'), NOW)).toBe(false);
  });

  it('of a session that ended because of a sign-in elsewhere tells so, until a later mark of it', () => {
    const cause = 'signed_in_elsewhere' as const;
    const token = principalOf(facts);
    const causeOf = () => watermarks.causeOf(token, digest, NOW);
    watermarks.apply(mark({ kind: 'user', id: 'u', issuedUntilMs: NOW }), NOW);
    expect(causeOf()).toBeUndefined();
    watermarks.apply(mark({ kind: 'session', id: 's', issuedUntilMs: NOW, cause }), NOW);
    expect(causeOf()).toBe(cause);
    expect(watermarks.causeOf(principalOf({ ...facts, issuedAtMs: NOW + 1 }), digest, NOW)).toBeUndefined();
    expect(watermarks.find({ provider: 'nowgg', kind: 'session', id: 's' })).toMatchObject({ cause });
    watermarks.apply(mark({ kind: 'session', id: 's', issuedUntilMs: NOW }), NOW);
    expect(causeOf()).toBeUndefined();
    watermarks.apply(mark({ kind: 'credential', id: credentialIdOf('the token'), issuedUntilMs: NOW, cause }), NOW);
    expect(causeOf()).toBe(cause);
    expect(watermarks.causeOf(principalOf({ ...facts, provider: 'other' }), digest, NOW)).toBeUndefined();
  });

  it('keeps its cause in a merge, unless the newer one ends sessions for another reason', () => {
    const cause = 'signed_in_elsewhere' as const;
    const older = mark({ kind: 'session', id: 's', issuedUntilMs: NOW, cause });
    const merged = (newer: Partial<Watermark>) => mergeWatermarks(older, mark({ kind: 'session', id: 's', ...newer }));
    expect(merged({ refusedUntilMs: NOW + 1 }).cause).toBe(cause);
    expect(merged({ issuedUntilMs: NOW + 1 }).cause).toBeUndefined();
    expect(merged({ issuedUntilMs: NOW + 1, cause }).cause).toBe(cause);
  });

  it('refuses neither a token whose exchange began after it, nor a newer one after a ban', () => {
    watermarks.apply(mark({ issuedUntilMs: NOW + 5_000, markedAtMs: NOW }), NOW);
    const begun = (beganAtMs: number) => watermarks.refuse(principalOf(facts), digest, NOW, beganAtMs);
    expect([begun(NOW - 1), begun(NOW), begun(NOW + 1)]).toEqual([true, true, false]);
    watermarks.apply(mark({ refusedUntilMs: NOW + 5_000, markedAtMs: NOW }), NOW);
    expect(begun(NOW + 1)).toBe(true);
  });

  it('refuses a token without a time of issue unless it ends too late to be older, where the life is configured', () => {
    const configured = new Watermarks(new TokenLives(3_600_000));
    configured.apply(mark({ issuedUntilMs: NOW }), NOW);
    const endingAt = (expiresAtMs: number | undefined) =>
      configured.refuse(principalOf({ ...facts, issuedAtMs: undefined, expiresAtMs }), digest, NOW);
    expect([undefined, NOW + 3_600_000, NOW + 3_600_001].map(endingAt)).toEqual([true, true, false]);
    watermarks.apply(mark({ issuedUntilMs: NOW }), NOW);
    expect(refuses({ issuedAtMs: undefined, expiresAtMs: NOW + 100 * 86_400_000 })).toBe(true);
  });

  it('reaches as far as the clock of the issuer was ahead of ours about that time, and no later mark', () => {
    watermarks.apply(mark({ issuedUntilMs: NOW }), NOW);
    expect(refuses({ issuedAtMs: NOW + 30_000 })).toBe(false);
    watermarks.noteLead('nowgg', 30_000, NOW + 1_000);
    expect(refuses({ issuedAtMs: NOW + 30_000 })).toBe(true);
    expect(refuses({ issuedAtMs: NOW + 30_001 })).toBe(false);
    watermarks.apply(mark({ issuedUntilMs: NOW + 3_600_000 }), NOW);
    expect(refuses({ issuedAtMs: NOW + 3_600_001 })).toBe(false);
  });

  it.each([
    ['user', undefined, 24 * 3_600_000],
    ['user', 30 * 3_600_000, 30 * 3_600_000],
    ['session', 1_000, 24 * 3_600_000],
    ['credential', 3_600_000, 3_660_000],
    ['credential', undefined, 24 * 3_600_000],
  ] as const)('of a %s that matters until %p is kept for %d ms', (kind, notAfter, keptMs) => {
    const id = kind === 'credential' ? credentialIdOf('x') : 'x';
    const notAfterMs = notAfter === undefined ? undefined : NOW + notAfter;
    watermarks.apply(mark({ kind, id, issuedUntilMs: NOW, notAfterMs }), NOW);
    watermarks.prune(NOW + keptMs - 60_000);
    expect(watermarks.size).toBe(1);
    watermarks.prune(NOW + keptMs + 120_000);
    expect(watermarks.size).toBe(0);
    watermarks.apply(mark({ kind, id, issuedUntilMs: NOW, notAfterMs }), NOW + keptMs);
    expect(watermarks.size).toBe(0);
  });

  it('is kept longer once tokens are known to live longer', () => {
    const lives = new TokenLives();
    watermarks = new Watermarks(lives);
    watermarks.apply(mark({ issuedUntilMs: NOW }), NOW);
    lives.grow('nowgg', 48 * 3_600_000);
    watermarks.prune(NOW + 47 * 3_600_000);
    expect(watermarks.size).toBe(1);
    watermarks.prune(NOW + 49 * 3_600_000);
    expect(watermarks.size).toBe(0);
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
    // Within two minutes: marks are looked at by the minute in which they end.
    watermarks.prune(NOW + 120_001);
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
