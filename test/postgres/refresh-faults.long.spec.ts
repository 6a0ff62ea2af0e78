import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityUnavailableError, ReauthenticationRequiredError } from '../../libs/nowgg-auth/src/errors.js';
import { SHORT_DURATIONS } from '../support/token-service/token-service.js';
import { inLanes, refusal, TokenSuite } from '../support/token-service/token-suite.js';
import type { TokenWorker } from '../support/token-service/token-worker.js';

/** Longer than the lease of every service here. */
const PAST_THE_LEASE = SHORT_DURATIONS.leaseMs + 1;

describe('a refresh that goes wrong', () => {
  let suite: TokenSuite;
  let survivor: TokenWorker;

  const doomed = async () => (await suite.workers(1, { refusalsAreFinal: true }))[0] as TokenWorker;

  beforeAll(async () => {
    suite = await TokenSuite.start();
    survivor = await doomed();
  }, 60_000);
  afterAll(() => suite.stop(), 30_000);
  beforeEach(() => suite.startOver('never'));

  const generation = async (grantId: string) => (await suite.grant(grantId)).generation;
  const state = async (grantId: string) => (await suite.grant(grantId)).state;

  describe.each(['never', 'grace'] as const)('with refresh tokens that rotate: %s', (rotation) => {
    it.each(['lease_acquired', 'reply_received', 'committed'])(
      'loses no grant when its process is killed at %s, and is taken over as soon as the lease is over',
      async (step) => {
        suite.startOver(rotation);
        const grantId = await suite.signInLongAgo();
        const process = await doomed();
        await process.doUntil(step, 'getAccessToken', { grantId });
        await process.kill();
        await suite.pass(step === 'committed' ? 0 : PAST_THE_LEASE);
        expect(await survivor.get('getAccessToken', { grantId })).toMatchObject({ generation: 2 });
        await survivor.get('refresh', { grantId });
        expect(await suite.grant(grantId)).toMatchObject({ state: 'active', generation: 3 });
      },
      30_000,
    );

    it('loses no grant when its process is killed while the identity system answers', async () => {
      suite.startOver(rotation);
      const grantId = await suite.signInLongAgo();
      const process = await doomed();
      suite.hold();
      void process.do('getAccessToken', { grantId });
      await suite.called(2);
      await process.kill();
      suite.release();
      await suite.pass(PAST_THE_LEASE);
      expect(await survivor.get('getAccessToken', { grantId })).toMatchObject({ generation: 2 });
      expect(suite.refreshes).toBe(2);
    });

    it('costs one more call when the reply is lost on the way, and loses nothing', async () => {
      suite.startOver(rotation);
      const grantId = await suite.signInLongAgo();
      suite.nowgg.setFault({ kind: 'reset', when: 'after', count: 1 });
      expect(await suite.service.getAccessToken(grantId)).toMatchObject({ generation: 2 });
      await suite.service.refresh(grantId);
      expect(suite.refreshes).toBe(3);
    });
  });

  it('stores the set of a process that was frozen past its lease, with a system that takes a token once', async () => {
    suite.startOver('once');
    const grantId = await suite.signInLongAgo();
    const process = await doomed();
    const { answers } = await process.doUntil('reply_received', 'getAccessToken', { grantId });
    process.freeze();
    await suite.pass(PAST_THE_LEASE);
    expect(await survivor.do('getAccessToken', { grantId })).toEqual([{ error: 'grant_in_doubt' }]);
    expect(await state(grantId)).toBe('suspect');
    await process.thaw();
    expect((await answers)[0]).toMatchObject({ value: { generation: 2 } });
    expect(await state(grantId)).toBe('active');
    expect(await survivor.get('refresh', { grantId })).toMatchObject({ generation: 3 });
  }, 30_000);

  it('makes at most two calls when the call takes longer than the lease, and loses nothing', async () => {
    suite.startOver('once');
    const grantId = await suite.signInLongAgo();
    const slow = suite.serviceWith({ leaseMs: 50, softDeadlineMs: 300, lateReplyMs: 5_000 });
    const others = [1, 2, 3].map(() => suite.serviceWith({ leaseMs: 50, softDeadlineMs: 300, lateReplyMs: 5_000 }));
    suite.hold();
    const callers = [slow, ...others].map((service) =>
      service.getAccessToken(grantId).catch((error: unknown) => error),
    );
    await Promise.all(callers);
    suite.release();
    await Promise.all([slow, ...others].map((service) => service.beforeApplicationShutdown()));
    expect(suite.refreshes).toBeLessThanOrEqual(2);
    expect(await suite.grant(grantId)).toMatchObject({ state: 'active', generation: 2 });
  });

  it('keeps the original refresh token working through 200 refreshes without one in the reply', async () => {
    const grantId = await suite.signIn();
    for (let time = 0; time < 200; time += 1) await suite.service.refresh(grantId);
    expect(await generation(grantId)).toBe(201);
    const original = suite.nowgg.requests.find(({ grantType }) => grantType === 'code')?.issued?.refreshToken;
    expect(suite.nowgg.requestCount({ endpoint: 'token', presented: original ?? '' })).toBe(200);
  }, 60_000);

  describe('refused', () => {
    it('is adopted when a success came first', async () => {
      const grantId = await suite.signInLongAgo();
      const process = await doomed();
      suite.nowgg.setFault({ ...refusal('INVALID_REFRESH_TOKEN'), count: 1 });
      suite.hold();
      const late = process.do('refresh', { grantId });
      await suite.called(2);
      process.freeze();
      suite.release();
      await suite.pass(PAST_THE_LEASE);
      expect(await survivor.get('getAccessToken', { grantId })).toMatchObject({ generation: 2 });
      await process.thaw();
      expect((await late)[0]).toMatchObject({ value: { generation: 2 } });
      expect(await state(grantId)).toBe('active');
    }, 30_000);

    it('is undone by a success of the same generation that comes second', async () => {
      suite.startOver('once');
      const grantId = await suite.signInLongAgo();
      const process = await doomed();
      const { answers } = await process.doUntil('reply_received', 'refresh', { grantId });
      await suite.pass(PAST_THE_LEASE);
      await survivor.do('refresh', { grantId });
      await suite.pass(2 * SHORT_DURATIONS.lateReplyMs);
      await survivor.do('refresh', { grantId });
      expect(await state(grantId)).toBe('needs_reauth');
      await process.thaw();
      expect((await answers)[0]).toMatchObject({ value: { generation: 2 } });
      expect(await state(grantId)).toBe('active');
    }, 30_000);

    it('never kills a grant for a wrong secret, across 200 grants, and serves all once it is right', async () => {
      const grantIds = await suite.manySignedInLongAgo(200);
      suite.nowgg.setFault(refusal('INVALID_CLIENT'));
      const callsBefore = suite.refreshes;
      for (let round = 0; round < 3; round += 1) {
        await inLanes(200, async (index) => {
          const refresh = suite.service.refresh(grantIds[index] as string);
          await expect(refresh).rejects.toBeInstanceOf(IdentityUnavailableError);
        });
        await suite.pass(700_000);
      }
      // Not 600: while nothing succeeds, there is one attempt a second.
      expect(suite.refreshes - callsBefore).toBeLessThan(100);
      suite.nowgg.clearFaults();
      const states =
        'SELECT state, count(*)::int AS count FROM nowgg_grant WHERE id = ANY($1) GROUP BY state ORDER BY 1';
      const counts = (await suite.dataSource.query(states, [grantIds])) as { state: string }[];
      expect(counts.map(({ state: found }) => found)).toEqual(['active', 'suspect']);
      await suite.pass(10_001);
      await suite.service.refresh(grantIds[0] as string);
      await inLanes(200, async (index) => void (await suite.service.refresh(grantIds[index] as string)));
      expect(await suite.dataSource.query(states, [grantIds])).toEqual([{ state: 'active', count: 200 }]);
    }, 300_000);
  });

  it('can no longer be stored once the grant is revoked', async () => {
    suite.startOver('grace');
    const grantId = await suite.signInLongAgo();
    suite.hold();
    const refused = suite.service.refresh(grantId).catch((error: unknown) => error);
    await suite.called(2);
    await survivor.get('revoke', { grantId });
    suite.release();
    expect(await refused).toBeInstanceOf(ReauthenticationRequiredError);
    expect(await suite.grant(grantId)).toMatchObject({ state: 'revoked', generation: 1 });
    await expect(survivor.get('getAccessToken', { grantId })).rejects.toThrow('reauthentication_required');
  });

  it.each([
    ['a column', 'access_ct = refresh_ct'],
    ['a generation', 'generation = generation + 1'],
    ['nothing but a bit', 'access_ct = set_bit(access_ct, 400, 1 - get_bit(access_ct, 400))'],
    ['its end', 'access_ct = substring(access_ct FROM 1 FOR 20)'],
    ['everything', "access_ct = ''"],
  ])('is refused, and the row kept, when ciphertexts have moved or lost %s', async (_what, change) => {
    const grantId = await suite.signIn();
    await suite.dataSource.query(`UPDATE nowgg_grant SET ${change} WHERE id = $1`, [grantId]);
    await expect(suite.service.getAccessToken(grantId)).rejects.toMatchObject({ errorCode: 'configuration' });
    expect(await state(grantId)).toBe('active');
  });

  it('is refused, and the row kept, when the row was given to another client: the own configuration may be wrong', async () => {
    const grantId = await suite.signIn();
    await suite.dataSource.query(`UPDATE nowgg_grant SET client_key = 'another' WHERE id = $1`, [grantId]);
    await expect(suite.service.getAccessToken(grantId)).rejects.toMatchObject({ errorCode: 'identity_unavailable' });
    expect(await state(grantId)).toBe('active');
  });

  it('is refused when ciphertexts were swapped between two grants', async () => {
    const [one, two] = [await suite.signIn(), await suite.signIn()];
    await suite.dataSource.query(
      `UPDATE nowgg_grant g SET access_ct = other.access_ct, refresh_ct = other.refresh_ct
       FROM nowgg_grant other WHERE g.id = ANY($1) AND other.id = ANY($1) AND g.id <> other.id`,
      [[one, two]],
    );
    await expect(suite.service.getAccessToken(one)).rejects.toMatchObject({ errorCode: 'configuration' });
    await expect(suite.service.refresh(two)).rejects.toMatchObject({ errorCode: 'configuration' });
    expect(suite.refreshes).toBe(0);
  });

  describe('with the database down between reply and commit', () => {
    it('is stored when the database is back, with a system that takes a token once', async () => {
      suite.startOver('once');
      const grantId = await suite.signInLongAgo();
      suite.hold();
      const caller = suite.service.getAccessToken(grantId).catch((error: unknown) => error);
      await suite.called(2);
      await suite.cluster.goDown();
      suite.release();
      expect(await caller).toBeInstanceOf(IdentityUnavailableError);
      await suite.cluster.start();
      await stored(suite, grantId);
      expect(await suite.service.getAccessToken(grantId)).toMatchObject({ generation: 2 });
      expect(suite.refreshes).toBe(1);
    }, 60_000);

    it('keeps a process from going away before the set is stored', async () => {
      suite.startOver('once');
      const grantId = await suite.signInLongAgo();
      const process = await doomed();
      suite.hold();
      void process.do('getAccessToken', { grantId });
      await suite.called(2);
      await suite.cluster.goDown();
      suite.release();
      const gone = process.shutDown();
      await suite.cluster.start();
      await gone;
      expect(await generation(grantId)).toBe(2);
    }, 60_000);
  });
});

/** Resolves when the grant has its second generation. */
async function stored(suite: TokenSuite, grantId: string): Promise<void> {
  while ((await suite.grant(grantId)).generation < 2) await wait(10);
}
