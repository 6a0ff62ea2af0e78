import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { IdentityUnavailableError } from '../../errors.js';
import {
  DURATION_BOUNDS_MS,
  Durations,
  NOWGG_TOKEN_CHANNEL,
  NOWGG_TOKEN_READ_CHANNEL,
  type NowggTokenEvent,
  TokenCounters,
} from './token-events.js';
import { deferred, errorOf, settled, TokenServiceUnderTest } from '../testing-support/token-service-under-test.js';
import type { TokenOutcome } from '../../identity/identity-provider.js';

const HOUR_MS = 3_600_000;

describe('counters and events of the token service', () => {
  let under: TokenServiceUnderTest;
  let grantId: string;
  let events: NowggTokenEvent[];
  let reads: unknown[];
  const hear = (event: unknown) => void events.push(event as NowggTokenEvent);
  const hearRead = (event: unknown) => void reads.push(event);

  beforeEach(async () => {
    [events, reads] = [[], []];
    under = new TokenServiceUnderTest();
    grantId = (await under.signIn()).grant.id;
    subscribe(NOWGG_TOKEN_CHANNEL, hear);
    subscribe(NOWGG_TOKEN_READ_CHANNEL, hearRead);
  });
  afterEach(() => {
    unsubscribe(NOWGG_TOKEN_CHANNEL, hear);
    unsubscribe(NOWGG_TOKEN_READ_CHANNEL, hearRead);
  });

  const outcomesOf = (service = under.service) =>
    Object.fromEntries(Object.entries(service.counters().outcomes).filter(([, count]) => count > 0));

  it('begin at nothing, with a bucket for each bound and one for the rest', () => {
    const counters = new TokenCounters().read();
    expect(Object.values(counters.outcomes).filter((count) => count > 0)).toEqual([]);
    expect(counters).toMatchObject({ pendingWrites: 0, delayedWrites: 0, abandonedWrites: 0 });
    expect(counters.leaseWait.buckets).toEqual(Array.from({ length: DURATION_BOUNDS_MS.length + 1 }, () => 0));
  });

  it('put a duration into the first bucket that it does not exceed', () => {
    const durations = new Durations();
    for (const ms of [0, 1, 1.5, 60_000, 60_001]) durations.observe(ms);
    const { buckets, ...sums } = durations.read();
    expect(sums).toEqual({ count: 5, totalMs: 120_003.5, longestMs: 60_001 });
    expect([buckets[0], buckets[1], buckets.at(-2), buckets.at(-1)]).toEqual([2, 1, 1, 1]);
  });

  it('tell a token that was read from one that was refreshed, once for all who waited', async () => {
    await under.service.getAccessToken(grantId);
    await under.pass(HOUR_MS);
    await Promise.all([1, 2, 3].map(() => under.service.getAccessToken(grantId)));
    expect(outcomesOf()).toEqual({ fresh: 1, refreshed: 1 });
    expect(reads).toEqual([{ provider: 'nowgg', grantId, zone: 'fresh' }]);
  });

  it('tell who was faster, and how long the lease was waited for', async () => {
    await under.pass(HOUR_MS);
    const reply = deferred<TokenOutcome>();
    under.provider.answers.push(reply.promise);
    const other = under.anotherProcess();
    const [mine, others] = [under.service.getAccessToken(grantId), other.getAccessToken(grantId)];
    await under.pass(2_000, 50);
    reply.resolve({ status: 'tokens', tokens: under.provider.issue(undefined) });
    await under.pass(500, 50);
    await Promise.all([mine, others]);
    expect([outcomesOf(), outcomesOf(other)]).toEqual([{ refreshed: 1 }, { adopted: 1 }]);
    const [refreshed, adopted] = events;
    expect(refreshed).toEqual({
      type: 'refresh',
      provider: 'nowgg',
      grantId,
      outcome: 'refreshed',
      durationMs: 2_000,
      leaseWaitMs: 0,
      callMs: 2_000,
      commitMs: 0,
    });
    expect(adopted).toMatchObject({ outcome: 'adopted', leaseWaitMs: expect.any(Number) });
    expect(adopted).not.toHaveProperty('callMs');
    expect(other.counters().leaseWait.longestMs).toBeGreaterThanOrEqual(2_000);
    expect(under.service.counters().commitWindow).toMatchObject({ count: 3, longestMs: 0 });
  });

  it('tell a refusal from being sent away because of one', async () => {
    await under.pass(HOUR_MS);
    under.provider.answers.push({ status: 'refused', code: 'NO', isFinal: false });
    await errorOf(under.service.getAccessToken(grantId));
    await errorOf(under.service.getAccessToken(grantId));
    expect(outcomesOf()).toEqual({ refused: 1, backing_off: 1 });
    await under.pass(HOUR_MS);
    under.provider.answers.push({ status: 'refused', code: 'invalid_grant', isFinal: true });
    await errorOf(under.service.getAccessToken(grantId));
    expect(outcomesOf()).toEqual({ refused: 1, backing_off: 1, needs_reauth: 1 });
  });

  it.each<[TokenOutcome, object]>([
    [{ status: 'busy', retryAfterMs: 5_000 }, { busy: 1 }],
    [{ status: 'client_refused' }, { client_refused: 1 }],
  ])('have a bucket for a call that came to %j', async (answer, outcomes) => {
    await under.pass(HOUR_MS);
    under.provider.answers.push(answer);
    await errorOf(under.service.getAccessToken(grantId));
    expect(outcomesOf()).toEqual(outcomes);
  });

  it('have a bucket for a reply in doubt and for one that comes after every caller has left', async () => {
    await under.pass(HOUR_MS);
    under.provider.answers.push({ status: 'in_doubt', reason: 'network' }, { status: 'in_doubt', reason: 'network' });
    const doubtful = errorOf(under.service.getAccessToken(grantId));
    await under.pass(2_000, 100);
    await doubtful;
    await under.pass(60_000);
    const reply = deferred<TokenOutcome>();
    under.provider.answers.push(reply.promise);
    const left = errorOf(under.service.getAccessToken(grantId));
    await under.pass(6_000, 500);
    await left;
    reply.resolve({ status: 'tokens', tokens: under.provider.issue(undefined) });
    await settled();
    expect(outcomesOf()).toEqual({ in_doubt: 1, stored_late: 1 });
  });

  it('have a bucket for our own store failing', async () => {
    await under.pass(HOUR_MS);
    jest.spyOn(under.store, 'acquireLease').mockRejectedValueOnce(new IdentityUnavailableError());
    await errorOf(under.service.getAccessToken(grantId));
    expect(outcomesOf()).toEqual({ failed: 1 });
  });

  it('tell of a token set that is held because the database is away, and for how long', async () => {
    await under.pass(HOUR_MS);
    const away = jest.spyOn(under.store, 'commitTokens').mockRejectedValue(new IdentityUnavailableError());
    const refresh = under.service.getAccessToken(grantId);
    await settled();
    expect(under.service.counters()).toMatchObject({ pendingWrites: 1, delayedWrites: 1, abandonedWrites: 0 });
    await under.pass(1_000, 50);
    away.mockRestore();
    await under.pass(2_000, 50);
    await refresh;
    expect(under.service.counters()).toMatchObject({ pendingWrites: 0, delayedWrites: 1, abandonedWrites: 0 });
    expect(under.service.counters().commitWindow.longestMs).toBeGreaterThanOrEqual(1_000);
    const common = { type: 'pending_write', provider: 'nowgg', grantId };
    expect(events.filter(({ type }) => type === 'pending_write')).toEqual([
      { ...common, state: 'held', heldMs: 0, pendingWrites: 1 },
      { ...common, state: 'saved', heldMs: expect.any(Number), pendingWrites: 0 },
    ]);
  });

  it('tell of one that is given up at the end of the process', async () => {
    await under.pass(HOUR_MS);
    jest.spyOn(under.store, 'commitTokens').mockRejectedValue(new IdentityUnavailableError());
    const refresh = errorOf(under.service.getAccessToken(grantId));
    await settled();
    const closing = under.service.close();
    await under.pass(70_000, 500);
    await Promise.all([closing, refresh]);
    expect(under.service.counters()).toMatchObject({ pendingWrites: 0, abandonedWrites: 1 });
    expect(events).toContainEqual(expect.objectContaining({ type: 'pending_write', state: 'abandoned' }));
  });

  it('hold no token', async () => {
    await under.pass(HOUR_MS);
    await under.service.getAccessToken(grantId);
    await under.service.getAccessToken(grantId);
    expect(JSON.stringify([events, reads, under.service.counters()])).not.toMatch(/access-|refresh-|code-/);
  });
});
