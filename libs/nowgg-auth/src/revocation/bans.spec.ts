import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../testing-support/manual-clock.js';
import { SharedRevocationStore } from '../testing-support/shared-revocation-store.js';
import { Bans } from './bans.js';
import type { RevocationSubject } from './marks/watermark.js';

const turn = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe('the reasons of bans', () => {
  let clock: ManualClock;
  let store: SharedRevocationStore;
  let bans: Bans;
  let onApplied: (subject: RevocationSubject) => void;

  const subjectOf = (id: string): RevocationSubject => ({ provider: 'nowgg', kind: 'user', id });
  const inForce = (id: string) => ({ ...subjectOf(id), untilMs: clock.now() + 60_000 });
  const put = async (id: string, reasonCode: string | undefined) => {
    const ban = { reasonCode, text: undefined, by: 'desk', atMs: clock.now() };
    await store.put({ ...subjectOf(id), issuedUntilMs: undefined, refusedUntilMs: clock.now() + 60_000, ban });
    onApplied(subjectOf(id));
  };
  const codeOf = async (id: string) => (await bans.explain(inForce(id))).ban.reasonCode;

  beforeEach(() => {
    clock = new ManualClock();
    store = new SharedRevocationStore();
    const feed = {
      onApplied: (listener: typeof onApplied) => {
        onApplied = listener;
        return () => undefined;
      },
    };
    bans = new Bans({ store, feed, clock });
  });

  it('are asked for once, and then known at once, until the ban changes', async () => {
    await put('u', 'cheating');
    const asked = Array.from({ length: 100 }, async () => codeOf('u'));
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['cheating']));
    expect(store.banReads).toEqual([1]);
    expect(bans.explain(inForce('u'))).toMatchObject({ ban: { reasonCode: 'cheating' } });
    await put('u', 'insults');
    expect(await codeOf('u')).toBe('insults');
    expect(await bans.explain({ ...inForce('u'), untilMs: 5 })).toMatchObject({ ban: { reasonCode: 'insults' } });
    expect(store.banReads).toEqual([1, 1, 1]);
  });

  it('of which the store knows nothing are not asked for again', async () => {
    expect(await bans.explain(inForce('u'))).toEqual({
      ban: { until: new Date(clock.now() + 60_000) },
      beganAtMs: undefined,
    });
    await codeOf('u');
    expect(store.banReads).toEqual([1]);
  });

  it('of a wave of banned players take one statement at a time', async () => {
    let release: () => void = () => undefined;
    store.beforeBans = () => new Promise((resolve) => (release = resolve));
    const asked = Array.from({ length: 1_200 }, async (_, at) => codeOf(`u${at}`));
    for (const reads of [[1], [1, 500], [1, 500, 500], [1, 500, 500, 199]]) {
      expect(store.banReads).toEqual(reads);
      release();
      await turn();
    }
    expect(await Promise.all(asked)).toHaveLength(1_200);
  });

  it('that change while they are read are not kept', async () => {
    await put('u', 'cheating');
    let release: () => void = () => undefined;
    store.beforeBans = () => new Promise((resolve) => (release = resolve));
    const old = codeOf('u');
    onApplied(subjectOf('u'));
    release();
    expect(await old).toBe('cheating');
    store.beforeBans = async () => undefined;
    await put('u', 'insults');
    expect(await codeOf('u')).toBe('insults');
  });

  it('are left out while the store fails, and not asked for again for a second', async () => {
    await put('u', 'cheating');
    store.broken = true;
    expect(await codeOf('u')).toBeUndefined();
    store.broken = false;
    expect(bans.explain(inForce('u'))).toMatchObject({ ban: { until: expect.any(Date) } });
    expect(store.banReads).toEqual([1]);
    clock.advance(1_000);
    expect(await codeOf('u')).toBe('cheating');
  });

  it('are left out when the store does not answer within half a second', async () => {
    store.beforeBans = () => new Promise(() => undefined);
    const explained = bans.explain(inForce('u'));
    await turn();
    clock.advance(500);
    expect(await explained).toEqual({ ban: { until: expect.any(Date) }, beganAtMs: undefined });
  });

  it('of a ban without an end state none', async () => {
    const { ban } = await bans.explain({ ...subjectOf('u'), untilMs: Number.POSITIVE_INFINITY });
    expect(ban).toEqual({});
  });
});
