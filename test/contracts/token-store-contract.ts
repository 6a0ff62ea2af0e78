import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientOutcomes, ClientSecret } from '../../libs/nowgg-auth/src/tokens/store/client-standing.js';
import type {
  AttemptRefusal,
  GrantRecord,
  LeaseRequest,
  NewGrant,
  RefusalRun,
} from '../../libs/nowgg-auth/src/tokens/store/grant-record.js';
import { describeSessionAdmission } from './session-admission-contract.js';
import { describeSessionProofs } from './session-proof-contract.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';

/** A store under test, and how time passes for it. */
export interface StoreUnderTest {
  readonly store: TokenStore;
  pass(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

const LEASE_MS = 8_000;
const TAKEOVER_MS = 60_000;

/** What every implementation of the port has to do. */
export function describeTokenStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`token store: ${name}`, () => {
    let under: StoreUnderTest;
    let store: TokenStore;

    beforeAll(async () => {
      under = await open();
      store = under.store;
    }, 60_000);
    afterAll(() => under.dispose());

    const newGrant = (overrides: Partial<NewGrant> = {}): NewGrant => ({
      id: randomUUID(),
      provider: 'nowgg',
      clientKey: 'client-key',
      userId: `player-${randomUUID()}`,
      sessionId: 'session-1',
      refreshCiphertext: Buffer.from([1, 2, 107, 49, 1]),
      accessCiphertext: Buffer.from([1, 2, 107, 49, 2]),
      accessTokenExpiresAtMs: Date.UTC(2040, 0, 1),
      refreshTokenExpiresAtMs: undefined,
      ...overrides,
    });
    const stored = async (overrides: Partial<NewGrant> = {}): Promise<GrantRecord> => {
      const codeHash = randomUUID();
      await store.claimExchange({ codeHash, owner: randomUUID(), leaseMs: LEASE_MS });
      const grant = await store.completeExchange(codeHash, newGrant(overrides));
      if (!grant) throw new Error('the exchange was not completed');
      return grant;
    };
    const leaseOf = ({ id, generation }: GrantRecord, overrides: Partial<LeaseRequest> = {}): LeaseRequest => ({
      id,
      generation,
      owner: randomUUID(),
      leaseMs: LEASE_MS,
      takeoverLeaseMs: TAKEOVER_MS,
      quietMs: 0,
      secret: 'secret-1',
      ...overrides,
    });
    const commitOf = ({ id, generation, sessionVersion }: GrantRecord) => ({
      id,
      generation,
      sessionVersion,
      refreshCiphertext: Buffer.from([1, 2, 107, 49, 3]),
      accessCiphertext: Buffer.from([1, 2, 107, 49, 4]),
      accessTokenExpiresAtMs: Date.UTC(2041, 0, 1),
      refreshTokenExpiresAtMs: Date.UTC(2042, 0, 1),
    });
    const found = async (id: string): Promise<GrantRecord> => (await store.findGrant(id)) as GrantRecord;

    describe('grants', () => {
      it('gives a grant back as it was created, active and in its first generation', async () => {
        const given = newGrant({ refreshTokenExpiresAtMs: Date.UTC(2045, 0, 1) });
        const grant = await stored(given);
        expect(await store.findGrant(grant.id)).toMatchObject({ ...given, state: 'active', generation: 1 });
      });

      it('tells what is absent as undefined and never as null', async () => {
        const grant = await stored({ sessionId: undefined, accessTokenExpiresAtMs: undefined });
        const absent = Object.entries(await found(grant.id)).filter(([, value]) => value === null);
        expect(absent).toEqual([]);
      });

      it('finds nothing under an id that was never stored', async () => {
        expect(await store.findGrant(randomUUID())).toBeUndefined();
      });

      it("lists a user's grants of one provider, oldest first, and no other user's", async () => {
        const first = await stored();
        await under.pass(1_000);
        const second = await stored({ userId: first.userId });
        await stored({ userId: first.userId, provider: 'other' });
        await stored();
        expect((await store.listGrants('nowgg', first.userId, first.clientKey)).map(({ id }) => id)).toEqual([
          first.id,
          second.id,
        ]);
      });

      it('lists the grants of a session at a client, in any state', async () => {
        const sessionId = randomUUID();
        const [first, second] = [await stored({ sessionId }), await stored({ sessionId })];
        await stored({ sessionId, provider: 'other' });
        await stored({ sessionId, clientKey: 'other-client' });
        await stored({ sessionId: undefined });
        await store.revokeGrant(second.id);
        const listed = await store.listGrantsOfSession('nowgg', sessionId, first.clientKey);
        expect(listed.map(({ id, state }) => [id, state])).toEqual([
          [first.id, 'active'],
          [second.id, 'revoked'],
        ]);
      });
    });

    describeSessionAdmission(() => under, stored);
    describeSessionProofs(() => under);

    describe('leases', () => {
      it('gives the lease to one of many who ask at once, and tells the others that it is held', async () => {
        const grant = await stored();
        const leases = await Promise.all(Array.from({ length: 20 }, () => store.acquireLease(leaseOf(grant))));
        expect(leases.filter(({ outcome }) => outcome === 'acquired')).toHaveLength(1);
        expect(leases.filter(({ outcome }) => outcome === 'held')).toHaveLength(19);
      });

      it('returns the row as it was before the lease, with no predecessor in doubt', async () => {
        const grant = await stored();
        const lease = await store.acquireLease(leaseOf(grant));
        expect(lease).toMatchObject({
          outcome: 'acquired',
          predecessorInDoubt: false,
          grant: { leaseOwner: undefined },
        });
      });

      it('gives a lapsed lease to the next one and tells it that the predecessor is in doubt', async () => {
        const grant = await stored();
        await store.acquireLease(leaseOf(grant));
        await under.pass(LEASE_MS + 1);
        const lease = await store.acquireLease(leaseOf(grant));
        expect(lease).toMatchObject({ outcome: 'acquired', predecessorInDoubt: true });
      });

      it('gives a lease that was taken over the longer time, so that a replay is not replayed', async () => {
        const grant = await stored();
        await store.acquireLease(leaseOf(grant));
        await under.pass(LEASE_MS + 1);
        await store.acquireLease(leaseOf(grant));
        await under.pass(LEASE_MS + 1);
        expect((await store.acquireLease(leaseOf(grant))).outcome).toBe('held');
        await under.pass(TAKEOVER_MS);
        expect((await store.acquireLease(leaseOf(grant))).outcome).toBe('acquired');
      });

      it('says adopted when the generation has moved on', async () => {
        const grant = await stored();
        await store.commitTokens(commitOf(grant));
        const lease = await store.acquireLease(leaseOf(grant));
        expect(lease).toMatchObject({ outcome: 'adopted', grant: { generation: 2 } });
      });

      it('says ended for a revoked grant and for one that is gone', async () => {
        const grant = await stored();
        await store.revokeGrant(grant.id);
        expect((await store.acquireLease(leaseOf(grant))).outcome).toBe('ended');
        expect((await store.acquireLease({ ...leaseOf(grant), id: randomUUID() })).outcome).toBe('ended');
      });

      it('says backing off inside the quiet time, and gives the lease to who does not mind', async () => {
        const grant = await stored();
        expect((await store.acquireLease(leaseOf(grant, { quietMs: 30_000 }))).outcome).toBe('backing_off');
        expect((await store.acquireLease(leaseOf(grant))).outcome).toBe('acquired');
      });

      it('gives the lease for background work once the quiet time is over', async () => {
        const grant = await stored();
        await under.pass(30_001);
        expect((await store.acquireLease(leaseOf(grant, { quietMs: 30_000 }))).outcome).toBe('acquired');
      });
    });

    describe('commits', () => {
      it('stores a token set as the next generation and clears lease, attempt and failures', async () => {
        const grant = await stored();
        await store.acquireLease(leaseOf(grant));
        const committed = await store.commitTokens(commitOf(grant));
        const { refreshCiphertext, accessCiphertext, accessTokenExpiresAtMs, refreshTokenExpiresAtMs } =
          commitOf(grant);
        expect(committed).toMatchObject({
          generation: 2,
          refreshCiphertext,
          accessCiphertext,
          accessTokenExpiresAtMs,
          refreshTokenExpiresAtMs,
        });
        expect(await found(grant.id)).toMatchObject({ leaseOwner: undefined, attemptStartedAtMs: undefined });
      });

      it('stores exactly one of many token sets for the same generation', async () => {
        const grant = await stored();
        const commits = await Promise.all(Array.from({ length: 20 }, () => store.commitTokens(commitOf(grant))));
        expect(commits.filter((committed) => committed !== undefined)).toHaveLength(1);
        expect((await found(grant.id)).generation).toBe(2);
      });

      it('stores a set whose lease has lapsed and gone to another owner', async () => {
        const grant = await stored();
        await store.acquireLease(leaseOf(grant));
        await under.pass(LEASE_MS + 1);
        await store.acquireLease(leaseOf(grant));
        expect(await store.commitTokens(commitOf(grant))).toMatchObject({ generation: 2, leaseOwner: undefined });
      });

      it('stores nothing in a revoked grant', async () => {
        const grant = await stored();
        await store.revokeGrant(grant.id);
        expect(await store.commitTokens(commitOf(grant))).toBeUndefined();
        expect(await found(grant.id)).toMatchObject({ state: 'revoked', generation: 1 });
      });

      it('makes a grant active again that was refused for the same generation', async () => {
        const grant = await stored();
        const lease = leaseOf(grant);
        await store.acquireLease(lease);
        await store.recordRefusal({
          ...lease,
          state: 'needs_reauth',
          failCode: 'invalid_grant',
          evidence: undefined,
          retryInMs: 0,
        });
        expect(await store.commitTokens(commitOf(grant))).toMatchObject({ state: 'active', refusal: undefined });
      });

      it('forgets an expiry that a new set does not have', async () => {
        const grant = await stored({ refreshTokenExpiresAtMs: Date.UTC(2045, 0, 1) });
        const commit = { ...commitOf(grant), accessTokenExpiresAtMs: undefined, refreshTokenExpiresAtMs: undefined };
        const committed = await store.commitTokens(commit);
        expect([committed?.accessTokenExpiresAtMs, committed?.refreshTokenExpiresAtMs]).toEqual([undefined, undefined]);
      });
    });

    describe('failures and refusals', () => {
      const first = { secret: 'secret-1', count: 1, runs: 1, begins: true, confirmation: 'none' } as const;
      const refusal = { state: 'suspect', failCode: 'NO', evidence: first, retryInMs: 60_000 } as const;
      const refuse = async (grant: GrantRecord, change: Partial<AttemptRefusal> = {}) => {
        const lease = leaseOf(grant);
        expect((await store.acquireLease(lease)).outcome).toBe('acquired');
        expect(await store.recordRefusal({ ...lease, ...refusal, ...change })).toBe(true);
        return found(grant.id);
      };

      it('lets go of the lease and refuses every other until the retry time', async () => {
        const grant = await stored();
        const lease = leaseOf(grant);
        await store.acquireLease(lease);
        expect(await store.recordFailure({ ...lease, inDoubt: false, retryInMs: 5_000 })).toBe(true);
        expect((await store.acquireLease(leaseOf(grant))).outcome).toBe('backing_off');
        await under.pass(5_001);
        const next = await store.acquireLease(leaseOf(grant));
        expect(next).toMatchObject({ outcome: 'acquired', predecessorInDoubt: false });
      });

      it('remembers an attempt in doubt without giving the next one the longer lease', async () => {
        const grant = await stored();
        const lease = leaseOf(grant);
        await store.acquireLease(lease);
        await store.recordFailure({ ...lease, inDoubt: true, retryInMs: 0 });
        const next = await store.acquireLease(leaseOf(grant));
        expect(next).toMatchObject({ outcome: 'acquired', predecessorInDoubt: true });
        const { leaseUntilMs = 0, readAtMs } = await found(grant.id);
        expect(leaseUntilMs - readAtMs).toBeLessThanOrEqual(LEASE_MS);
      });

      it('records a refusal with its code, its times and the secret', async () => {
        const refused = await refuse(await stored());
        expect(refused).toMatchObject({
          state: 'suspect',
          failCode: 'NO',
          leaseOwner: undefined,
          nextAttemptAtMs: undefined,
          refusal: { secret: 'secret-1', count: 1, runs: 1, confirmedAtMs: undefined },
        });
        const { firstAtMs, untilMs } = refused.refusal as RefusalRun;
        expect(Math.round(untilMs - firstAtMs)).toBe(60_000);
      });

      it('keeps the time of the first refusal, and that of the confirming one', async () => {
        const grant = await stored();
        await refuse(grant, { retryInMs: 0 });
        await under.pass(1_000);
        const next = { ...first, count: 2, begins: false };
        await refuse(grant, { evidence: { ...next, confirmation: 'new' }, retryInMs: 0 });
        await under.pass(1_000);
        const kept = await refuse(grant, { evidence: { ...next, count: 3, confirmation: 'kept' } });
        const { count, firstAtMs, untilMs, confirmedAtMs = 0 } = kept.refusal as RefusalRun;
        const agoMs = (at: number) => untilMs - 60_000 - at;
        expect(count).toBe(3);
        expect(agoMs(firstAtMs)).toBeGreaterThanOrEqual(1_990);
        expect(agoMs(confirmedAtMs)).toBeGreaterThanOrEqual(990);
        expect(agoMs(confirmedAtMs)).toBeLessThan(agoMs(firstAtMs));
      });

      it('leaves the evidence as it is when there is none, and keeps every process away', async () => {
        const grant = await stored();
        await refuse(grant, { evidence: undefined });
        expect(await found(grant.id)).toMatchObject({ state: 'suspect', refusal: undefined });
        expect((await store.acquireLease(leaseOf(grant, { secret: 'secret-2' }))).outcome).toBe('backing_off');
      });

      it('keeps processes with the same secret away after a refusal, and no others', async () => {
        const grant = await stored();
        await refuse(grant);
        expect((await store.acquireLease(leaseOf(grant))).outcome).toBe('backing_off');
        expect((await store.acquireLease(leaseOf(grant, { secret: 'secret-2' }))).outcome).toBe('acquired');
      });

      it('lets a grant be tried again that was refused before the pauses ended, once', async () => {
        const grant = await stored();
        const { readAtMs } = await refuse(grant);
        const early = { pausesEndedAtMs: readAtMs - 60_000 };
        expect((await store.acquireLease(leaseOf(grant, early))).outcome).toBe('backing_off');
        await under.pass(1_000);
        const lease = leaseOf(grant, { pausesEndedAtMs: (await found(grant.id)).readAtMs });
        expect((await store.acquireLease(lease)).outcome).toBe('acquired');
        await store.recordRefusal({ ...lease, ...refusal, evidence: { ...first, count: 2, begins: false } });
        expect((await store.acquireLease({ ...lease, owner: randomUUID() })).outcome).toBe('backing_off');
      });

      it('ends a grant by evidence, restores it while it has its tokens, and never one that ended otherwise', async () => {
        const grant = await stored();
        const { refusal: run } = await refuse(grant, { evidence: { ...first, confirmation: 'new' } });
        const ended = { id: grant.id, generation: 1, confirmedAtMs: run?.confirmedAtMs ?? 0 };
        expect(await store.endByEvidence({ ...ended, generation: 2 })).toBe(false);
        expect(await store.endByEvidence({ ...ended, confirmedAtMs: 5 })).toBe(false);
        expect(await store.endByEvidence(ended)).toBe(true);
        expect(await store.endByEvidence(ended)).toBe(false);
        const definite = await stored();
        await refuse(definite, { state: 'needs_reauth', evidence: undefined, retryInMs: 0 });
        expect(await found(grant.id)).toMatchObject({ state: 'needs_reauth', sessionVersion: 1 });
        expect(await store.countRetryable()).toBeGreaterThanOrEqual(1);
        await store.retryEnded(10_000);
        expect(await found(grant.id)).toMatchObject({ state: 'suspect', refusal: undefined });
        expect((await found(definite.id)).state).toBe('needs_reauth');
        expect(await store.countRetryable()).toBe(0);
        expect((await store.acquireLease(leaseOf(grant))).outcome).toBe('acquired');
      });

      it('ends no grant whose refresh is in progress', async () => {
        const grant = await stored();
        const { refusal: run } = await refuse(grant, { evidence: { ...first, confirmation: 'new' }, retryInMs: 0 });
        await store.acquireLease(leaseOf(grant));
        const ended = { id: grant.id, generation: 1, confirmedAtMs: run?.confirmedAtMs ?? 0 };
        expect(await store.endByEvidence(ended)).toBe(false);
      });

      it('writes nothing for an attempt whose turn has passed to another', async () => {
        const grant = await stored();
        const late = leaseOf(grant);
        await store.acquireLease(late);
        await under.pass(LEASE_MS + 1);
        const current = leaseOf(grant);
        await store.acquireLease(current);
        expect(await store.recordRefusal({ ...late, ...refusal })).toBe(false);
        expect(await store.recordFailure({ ...late, inDoubt: false, retryInMs: 0 })).toBe(false);
        expect(await found(grant.id)).toMatchObject({ state: 'active', leaseOwner: current.owner });
      });

      it('writes no refusal over a success for the same generation', async () => {
        const grant = await stored();
        const lease = leaseOf(grant);
        await store.acquireLease(lease);
        await store.commitTokens(commitOf(grant));
        expect(await store.recordRefusal({ ...lease, ...refusal })).toBe(false);
        expect(await found(grant.id)).toMatchObject({ state: 'active', generation: 2 });
      });
    });

    describe('revocation', () => {
      it('revokes once, raises the session version and returns the grant as it was', async () => {
        const grant = await stored();
        expect(await store.revokeGrant(grant.id)).toMatchObject({ state: 'active', sessionVersion: 1 });
        expect(await found(grant.id)).toMatchObject({ state: 'revoked', sessionVersion: 2 });
        expect(await store.revokeGrant(grant.id)).toBeUndefined();
      });

      it('ends no sign-in that is under way at another client', async () => {
        const [code, userId] = [randomUUID(), `player-${randomUUID()}`];
        await store.claimExchange({ codeHash: code, owner: randomUUID(), leaseMs: LEASE_MS });
        await store.revokeUser('nowgg', userId, 'another-client');
        expect(await store.completeExchange(code, newGrant({ userId }))).toMatchObject({ state: 'active' });
      });

      it('ends a sign-in that was under way when all grants of its user were ended, and no later one', async () => {
        const [early, late, userId] = [randomUUID(), randomUUID(), `player-${randomUUID()}`];
        await store.claimExchange({ codeHash: early, owner: randomUUID(), leaseMs: LEASE_MS });
        await store.revokeUser('nowgg', userId, newGrant().clientKey);
        await under.pass(1_000);
        await store.claimExchange({ codeHash: late, owner: randomUUID(), leaseMs: LEASE_MS });
        const [ended, lives] = [newGrant({ userId }), newGrant({ userId })];
        expect(await store.completeExchange(early, ended)).toMatchObject({ state: 'revoked', sessionVersion: 2 });
        expect(await store.completeExchange(late, lives)).toMatchObject({ state: 'active', sessionVersion: 1 });
        const other = await stored();
        expect(other.state).toBe('active');
      });

      it('deletes the tokens of a revoked grant, and of no other', async () => {
        const [ended, lives] = [await stored(), await stored()];
        await store.revokeGrant(ended.id);
        await Promise.all([store.wipeTexts(ended.id), store.wipeTexts(lives.id)]);
        const { refreshCiphertext, accessCiphertext, state } = await found(ended.id);
        expect([refreshCiphertext.length, accessCiphertext.length, state]).toEqual([0, 0, 'revoked']);
        expect((await found(lives.id)).refreshCiphertext).toEqual(lives.refreshCiphertext);
      });

      it('lists ends that are not complete, a minute later and in order of id', async () => {
        const ended = [await stored(), await stored(), await stored()];
        for (const { id } of ended) await store.revokeGrant(id);
        await store.wipeTexts(ended[0]?.id as string);
        const left = ended.slice(1).map(({ id }) => id);
        const listed = async () => (await store.listUnwiped(60_000, undefined, 10_000)).map(({ id }) => id);
        expect(await listed()).not.toEqual(expect.arrayContaining(left));
        await under.pass(60_001);
        expect((await listed()).filter((id) => left.includes(id))).toEqual(left.toSorted());
        expect(await listed()).not.toContain(ended[0]?.id);
        const [first] = left.toSorted();
        expect((await store.listUnwiped(60_000, first, 10_000)).map(({ id }) => id)).not.toContain(first);
      });

      it('deletes the tokens of what ended a day ago, dead grants included', async () => {
        const [revoked, dead, lives] = [await stored(), await stored(), await stored()];
        await store.revokeGrant(revoked.id);
        const lease = leaseOf(dead);
        await store.acquireLease(lease);
        const refusal = { failCode: 'invalid_grant', evidence: undefined, retryInMs: 0 };
        await store.recordRefusal({ ...lease, ...refusal, state: 'needs_reauth' });
        await store.sweepTexts(86_400_000, 10_000);
        expect((await found(dead.id)).refreshCiphertext).toEqual(dead.refreshCiphertext);
        await under.pass(86_400_001);
        expect((await store.sweepTexts(86_400_000, 10_000)).rows).toBeGreaterThanOrEqual(2);
        const left = await Promise.all(
          [revoked, dead, lives].map(async ({ id }) => (await found(id)).refreshCiphertext.length),
        );
        expect(left).toEqual([0, 0, 5]);
        expect(await store.sweepTexts(86_400_000, 10_000)).toEqual({ rows: 0 });
      });

      it("revokes all of a user's living grants of one provider", async () => {
        const first = await stored();
        const second = await stored({ userId: first.userId });
        const elsewhere = await stored({ userId: first.userId, provider: 'other' });
        await store.revokeGrant(second.id);
        expect((await store.revokeUser('nowgg', first.userId, 'client-key')).map(({ id }) => id)).toEqual([first.id]);
        expect((await found(elsewhere.id)).state).toBe('active');
      });
    });

    describe('issued tokens', () => {
      const tokenOf = (credentialId: string) => ({ credentialId });
      const refreshed = (grant: GrantRecord, credentialId: string, overrides: object = {}) =>
        store.commitTokens({
          ...commitOf(grant),
          issued: { ...tokenOf(credentialId), begunAtMs: grant.readAtMs },
          ...overrides,
        }) as Promise<GrantRecord>;
      const outOf = async ({ id }: GrantRecord) => {
        await store.revokeGrant(id);
        const { tokens } = await store.findTokensOfEnded(id);
        return tokens.map(({ credentialId }) => credentialId).toSorted();
      };

      it('of every generation are still out when the grant ends', async () => {
        const ids = [randomUUID(), randomUUID(), randomUUID()] as const;
        const first = await stored({ issued: tokenOf(ids[0]) });
        const third = await refreshed(await refreshed(first, ids[1]), ids[2]);
        expect(await outOf(third)).toEqual(ids.toSorted());
      });

      it('are over a while after their expiry, and those of unknown expiry after the longest life', async () => {
        const [stated, unstated, next] = [randomUUID(), randomUUID(), randomUUID()];
        const { readAtMs } = await stored();
        const first = await stored({ issued: tokenOf(stated), accessTokenExpiresAtMs: readAtMs + 3_600_000 });
        await under.pass(3_600_000 + 310_000);
        const second = await refreshed(first, unstated, { accessTokenExpiresAtMs: undefined });
        expect(await store.findIssuedTokens('nowgg', stated)).toEqual([]);
        await under.pass(29 * 86_400_000);
        const third = await refreshed(second, next);
        expect(await outOf(third)).toEqual([unstated, next].toSorted());
      });

      it('of a grant that lives are not those of one that ended, while it holds them too', async () => {
        const [shared, own] = [randomUUID(), randomUUID()];
        const one = await stored({ issued: tokenOf(shared), sessionId: randomUUID() });
        const other = await stored({ issued: tokenOf(shared), sessionId: one.sessionId });
        expect(await outOf(await refreshed(one, own))).toEqual([own]);
        expect(await store.findTokensOfEnded(one.id)).toMatchObject({ sharesSession: true });
        expect(await outOf(other)).toEqual([shared]);
        expect(await store.findTokensOfEnded(other.id)).toMatchObject({ sharesSession: false });
        expect((await store.findTokensOfEnded(one.id)).tokens).toHaveLength(2);
      });

      it('tell who holds them and when their exchange or refresh began', async () => {
        const [exchanged, renewed, codeHash] = [randomUUID(), randomUUID(), randomUUID()];
        await store.claimExchange({ codeHash, owner: randomUUID(), leaseMs: LEASE_MS });
        const { createdAtMs = 0 } = (await store.findExchange(codeHash)) ?? {};
        const grant = (await store.completeExchange(codeHash, newGrant({ issued: tokenOf(exchanged) }))) as GrantRecord;
        const { id: grantId, userId } = grant;
        expect(grant.begunAtMs).toBeCloseTo(createdAtMs, 1);
        await refreshed(grant, renewed);
        await refreshed(await found(grantId), renewed);
        const [first] = await store.findIssuedTokens('nowgg', exchanged);
        expect(first).toMatchObject({ grantId, userId, generation: 1, begunAtMs: expect.closeTo(createdAtMs, 1) });
        const holders = await store.findIssuedTokens('nowgg', renewed);
        const began = expect.closeTo(grant.readAtMs, 1);
        expect(holders).toEqual([{ grantId, userId, generation: 2, begunAtMs: began, scopes: undefined }]);
        expect(await store.findIssuedTokens('other', renewed)).toEqual([]);
        expect(await store.forgetUser('nowgg', userId, undefined)).toBe(1);
        expect(await store.findIssuedTokens('nowgg', renewed)).toEqual([]);
      });

      it('have the scopes that were granted with them, whatever a later refresh grants', async () => {
        const [exchanged, silent, narrowed] = [randomUUID(), randomUUID(), randomUUID()];
        const odd = ['phone', 'a,b', '{"x"}', 'NULL', '\\'];
        const first = await stored({ issued: tokenOf(exchanged), scopes: odd });
        const second = await refreshed(first, silent);
        const third = await refreshed(second, narrowed, { scopes: [] });
        expect([first.scopes, second.scopes, third.scopes]).toEqual([odd, odd, []]);
        expect((await found(first.id)).scopes).toEqual([]);
        const granted = [exchanged, silent, narrowed].map(
          async (id) => (await store.findIssuedTokens('nowgg', id))[0]?.scopes,
        );
        expect(await Promise.all(granted)).toEqual([odd, odd, []]);
      });

      it('that belong to another user change no scopes', async () => {
        const grant = await stored({ scopes: ['phone'] });
        const committed = await refreshed(grant, randomUUID(), {
          isForeign: true,
          withheldForMs: 1,
          scopes: ['email'],
        });
        expect(committed.scopes).toEqual(['phone']);
      });

      it('are not handed out where the token set is withheld: the grant is suspect and the token over', async () => {
        const grant = await stored();
        const withheld = { isForeign: true, withheldForMs: 60_000 };
        const committed = await store.commitTokens({ ...commitOf(grant), ...withheld });
        expect(committed).toMatchObject({
          state: 'suspect',
          generation: 2,
          refreshCiphertext: commitOf(grant).refreshCiphertext,
        });
        expect(committed?.accessTokenExpiresAtMs).toBeLessThanOrEqual(committed?.readAtMs ?? 0);
        expect((await store.acquireLease(leaseOf(committed as GrantRecord))).outcome).toBe('backing_off');
      });

      it('are withheld when a grant of another user holds the same token', async () => {
        const held = randomUUID();
        const [holder, same, other] = [await stored({ issued: tokenOf(held) }), await stored(), await stored()];
        const again = await stored({ userId: holder.userId });
        expect((await refreshed(again, held, { withheldForMs: 60_000 })).state).toBe('active');
        expect((await refreshed(same, randomUUID(), { withheldForMs: 60_000 })).state).toBe('active');
        const foreign = await refreshed(other, held, { withheldForMs: 60_000 });
        expect(foreign).toMatchObject({ state: 'suspect', generation: 2 });
        const holders = (await store.findIssuedTokens('nowgg', held)).map(({ grantId }) => grantId);
        expect(holders.toSorted()).toEqual([holder.id, again.id].toSorted());
      });

      it('can be withheld later, unless the generation has moved on', async () => {
        const grant = await stored();
        const second = (await store.commitTokens(commitOf(grant))) as GrantRecord;
        expect(await store.withholdGeneration({ ...grant, retryInMs: 60_000 })).toBe(false);
        expect(await store.withholdGeneration({ ...second, retryInMs: 60_000 })).toBe(true);
        expect(await store.withholdGeneration({ ...second, retryInMs: 60_000 })).toBe(false);
        const { state, accessTokenExpiresAtMs, readAtMs } = await found(grant.id);
        expect([state, (accessTokenExpiresAtMs ?? Infinity) <= readAtMs]).toEqual(['suspect', true]);
      });

      it('are forgotten when they have expired', async () => {
        const [credentialId, lasting] = [randomUUID(), randomUUID()];
        const { readAtMs } = await stored();
        await stored({ issued: tokenOf(credentialId), accessTokenExpiresAtMs: readAtMs + 1_000 });
        await stored({ issued: tokenOf(lasting), accessTokenExpiresAtMs: undefined });
        await under.pass(400_000);
        expect((await store.sweepIssuedTokens(10_000)).rows).toBeGreaterThanOrEqual(1);
        expect(await store.findIssuedTokens('nowgg', credentialId)).toEqual([]);
        expect(await store.findIssuedTokens('nowgg', lasting)).toHaveLength(1);
      });
    });

    describe('client secrets', () => {
      const outcomes = (client: ClientSecret, of: Partial<ClientOutcomes> = {}): ClientOutcomes => ({
        ...client,
        process: randomUUID(),
        succeededAtMs: undefined,
        refusals: 0,
        firstSuccesses: 0,
        firstRefusals: 0,
        ...of,
      });
      const newClient = () => ({ clientKey: randomUUID(), secret: 'secret-1' });
      const standing = async (client: ClientSecret) => store.findClientStanding(client);

      it('are unknown at first', async () => {
        const { readAtMs, ...known } = await standing(newClient());
        expect(readAtMs).toBeGreaterThan(0);
        expect(known).toEqual({ refusals: 0, firstSuccesses: 0, firstRefusals: 0 });
      });

      it('have a newest success, which a late report of an older one does not change', async () => {
        const client = newClient();
        const { readAtMs: now } = await standing(client);
        await store.addClientOutcomes(outcomes(client, { succeededAtMs: now - 1_000 }));
        await store.addClientOutcomes(outcomes(client, { succeededAtMs: now - 5_000 }));
        expect((await standing(client)).succeededAtMs).toBeCloseTo(now - 1_000, 0);
        const other = { ...client, secret: 'secret-2' };
        const seenFromOther = await standing(other);
        expect(seenFromOther.otherSucceededAtMs).toBeCloseTo(now - 1_000, 0);
        expect(seenFromOther.succeededAtMs).toBeUndefined();
      });

      it('count refusals of all processes since the newest success, and note when that ended a doubt', async () => {
        const client = newClient();
        const { readAtMs: now } = await standing(client);
        await store.addClientOutcomes(outcomes(client, { refusals: 2 }));
        await store.addClientOutcomes(outcomes(client, { succeededAtMs: now, refusals: 1 }));
        expect(await standing(client)).toMatchObject({ refusals: 1 });
        expect((await standing(client)).recoveredAtMs).toBeUndefined();
        await store.addClientOutcomes(outcomes(client, { refusals: 2 }));
        expect(await standing(client)).toMatchObject({ refusals: 3 });
        await store.addClientOutcomes(outcomes(client, { succeededAtMs: now + 1_000 }));
        const recovered = await standing(client);
        expect(recovered.refusals).toBe(0);
        expect(recovered.recoveredAtMs).toBeGreaterThanOrEqual(now);
      });

      it('count first attempts of all processes for a minute', async () => {
        const client = newClient();
        const process = randomUUID();
        await store.addClientOutcomes(outcomes(client, { process, firstSuccesses: 3, firstRefusals: 1 }));
        await store.addClientOutcomes(outcomes(client, { process, firstSuccesses: 2 }));
        await store.addClientOutcomes(outcomes(client, { firstRefusals: 4 }));
        expect(await standing(client)).toMatchObject({ firstSuccesses: 5, firstRefusals: 5 });
        expect(await standing({ ...client, secret: 'secret-2' })).toMatchObject({ firstSuccesses: 0 });
        await under.pass(70_000);
        expect(await standing(client)).toMatchObject({ firstSuccesses: 0, firstRefusals: 0 });
        await under.pass(70_000);
        expect(await store.sweepClientCounts(10_000)).toBeGreaterThanOrEqual(2);
        expect(await store.sweepClientCounts(10_000)).toBe(0);
      });

      it('have one designated attempt a second, in all processes together', async () => {
        const client = newClient();
        const taken = await Promise.all(
          Array.from({ length: 10 }, async () => store.takeDesignatedAttempt(client, 1_000)),
        );
        expect(taken.filter(Boolean)).toHaveLength(1);
        expect(await store.takeDesignatedAttempt({ ...client, secret: 'secret-2' }, 1_000)).toBe(true);
        await under.pass(1_001);
        expect(await store.takeDesignatedAttempt(client, 1_000)).toBe(true);
      });
    });

    describe('claimed codes', () => {
      const claimOf = (codeHash: string) => ({ codeHash, owner: randomUUID(), leaseMs: LEASE_MS });

      it('keeps what the last claimer can show again, which is the one that completes it', async () => {
        const codeHash = randomUUID();
        const claim = (attemptKey?: string) =>
          store.claimExchange({ codeHash, owner: randomUUID(), leaseMs: LEASE_MS, attemptKey });
        expect(await claim('first')).toMatchObject({ exchange: { attemptKey: 'first' } });
        expect((await claim('too early')).outcome).toBe('held');
        await under.pass(LEASE_MS);
        expect(await claim('second')).toMatchObject({ exchange: { attemptKey: 'second' } });
        await store.completeExchange(codeHash, newGrant());
        expect(await claim('late')).toMatchObject({ outcome: 'completed', exchange: { attemptKey: 'second' } });
        const without = randomUUID();
        await store.claimExchange({ codeHash: without, owner: randomUUID(), leaseMs: LEASE_MS });
        expect(await store.findExchange(without)).toMatchObject({ attemptKey: undefined });
      });

      it('gives a code to one of many who claim it at once', async () => {
        const codeHash = randomUUID();
        const claims = await Promise.all(Array.from({ length: 20 }, () => store.claimExchange(claimOf(codeHash))));
        expect(claims.filter(({ outcome }) => outcome === 'acquired')).toHaveLength(1);
        expect(claims.filter(({ outcome }) => outcome === 'held')).toHaveLength(19);
      });

      it('hands the kept reply to the owner that takes over a lapsed claim', async () => {
        const codeHash = randomUUID();
        await store.claimExchange(claimOf(codeHash));
        expect(await store.sealExchange(codeHash, Buffer.from('sealed'))).toBe(true);
        await under.pass(LEASE_MS + 1);
        const claim = await store.claimExchange(claimOf(codeHash));
        expect(claim).toMatchObject({
          outcome: 'acquired',
          predecessorInDoubt: true,
          exchange: { replyCiphertext: Buffer.from('sealed') },
        });
      });

      it('keeps the first of two replies, and takes one from a holder whose lease has lapsed', async () => {
        const codeHash = randomUUID();
        await store.claimExchange(claimOf(codeHash));
        await under.pass(LEASE_MS + 1);
        await store.claimExchange(claimOf(codeHash));
        expect(await store.sealExchange(codeHash, Buffer.from('first'))).toBe(true);
        expect(await store.sealExchange(codeHash, Buffer.from('second'))).toBe(false);
        expect((await store.findExchange(codeHash))?.replyCiphertext).toEqual(Buffer.from('first'));
      });

      it('creates one grant however many complete the exchange, and drops the kept reply', async () => {
        const codeHash = randomUUID();
        const { userId } = newGrant();
        await store.claimExchange(claimOf(codeHash));
        await store.sealExchange(codeHash, Buffer.from('sealed'));
        const grants = await Promise.all(
          Array.from({ length: 10 }, () => store.completeExchange(codeHash, newGrant({ userId }))),
        );
        const created = grants.filter((grant) => grant !== undefined);
        expect(created).toHaveLength(1);
        expect(await store.listGrants('nowgg', userId, undefined)).toHaveLength(1);
        const claim = await store.claimExchange(claimOf(codeHash));
        expect(claim).toMatchObject({
          outcome: 'completed',
          exchange: { grantId: created[0]?.id, replyCiphertext: undefined },
        });
      });

      it('may be claimed at once after a release for now, and without doubt about the one before', async () => {
        const claim = claimOf(randomUUID());
        await store.claimExchange(claim);
        await store.releaseExchange({ ...claim, keepsLease: false });
        const next = await store.claimExchange(claimOf(claim.codeHash));
        expect(next).toMatchObject({ outcome: 'acquired', predecessorInDoubt: false });
      });

      it('stays held until the lease lapses after a release for then', async () => {
        const claim = claimOf(randomUUID());
        await store.claimExchange(claim);
        await store.releaseExchange({ ...claim, keepsLease: true });
        expect((await store.claimExchange(claimOf(claim.codeHash))).outcome).toBe('held');
        await under.pass(LEASE_MS + 1);
        const next = await store.claimExchange(claimOf(claim.codeHash));
        expect(next).toMatchObject({ outcome: 'acquired', predecessorInDoubt: false });
      });

      it('is forgotten by its holder only, and not over a kept reply that the holder has not seen', async () => {
        const claim = claimOf(randomUUID());
        await store.claimExchange(claim);
        expect(await store.removeExchange({ ...claim, owner: randomUUID(), unlessSealed: false })).toBe(false);
        await store.sealExchange(claim.codeHash, Buffer.from('sealed'));
        expect(await store.removeExchange({ ...claim, unlessSealed: true })).toBe(false);
        expect(await store.removeExchange({ ...claim, unlessSealed: false })).toBe(true);
        expect(await store.findExchange(claim.codeHash)).toBeUndefined();
      });

      it('cannot be completed once it is forgotten', async () => {
        expect(await store.completeExchange(randomUUID(), newGrant())).toBeUndefined();
      });
    });

    describe('grants of one user at several clients', () => {
      const atTwoClients = async () => {
        const ours = await stored();
        return { ours, theirs: await stored({ userId: ours.userId, clientKey: 'other-client' }) };
      };
      const idsOf = (grants: readonly GrantRecord[]) => grants.map(({ id }) => id);

      it('are listed for one client, or for all', async () => {
        const { ours, theirs } = await atTwoClients();
        expect(idsOf(await store.listGrants('nowgg', ours.userId, 'other-client'))).toEqual([theirs.id]);
        expect(await store.listGrants('nowgg', ours.userId, undefined)).toHaveLength(2);
      });

      it('are revoked for one client only', async () => {
        const { ours, theirs } = await atTwoClients();
        expect(idsOf(await store.revokeUser('nowgg', ours.userId, 'client-key'))).toEqual([ours.id]);
        expect((await found(theirs.id)).state).toBe('active');
      });

      it('are forgotten for one client, or for all', async () => {
        const { ours, theirs } = await atTwoClients();
        expect(await store.forgetUser('nowgg', ours.userId, 'client-key')).toBe(1);
        expect(await store.findGrant(theirs.id)).toBeDefined();
        expect(await store.forgetUser('nowgg', ours.userId, undefined)).toBe(1);
      });
    });

    describe('grants of a client that is no longer configured', () => {
      const ofClient = async () => {
        const client = { provider: 'nowgg', clientKey: `old-${randomUUID()}` };
        const grants = [await stored(client), await stored(client), await stored(client)];
        return { client, to: `new-${randomUUID()}`, ids: grants.map(({ id }) => id).toSorted(), grants };
      };
      const countOf = async (clientKey: string) =>
        (await store.listClients()).find((client) => client.clientKey === clientKey);
      const resealed = ({ id, generation, sessionVersion }: GrantRecord) => ({
        id,
        generation,
        sessionVersion,
        refreshCiphertext: Buffer.from([1, 2, 107, 50, 5]),
        accessCiphertext: Buffer.from([1, 2, 107, 50, 6]),
      });

      it('are counted by client while they live', async () => {
        const { client, ids } = await ofClient();
        expect(await countOf(client.clientKey)).toEqual({ ...client, grants: 3 });
        await store.revokeGrant(ids[0] as string);
        expect(await countOf(client.clientKey)).toEqual({ ...client, grants: 2 });
        expect((await store.countVault()).clients).toContainEqual({ ...client, grants: 2 });
      });

      it('are listed in order of id, in batches that can be resumed, without those of others', async () => {
        const { client, ids } = await ofClient();
        await stored({ clientKey: client.clientKey, provider: 'other' });
        const listed: string[] = [];
        for (let after: string | undefined; ; ) {
          const { grants, next } = await store.listGrantsOf(client, after, 2);
          expect(grants.length).toBeLessThanOrEqual(2);
          listed.push(...grants.map(({ id }) => id));
          if (next === undefined) break;
          after = next;
        }
        expect(listed).toEqual(ids);
      });

      it('go to the client that adopts them, in the next generation and with their access tokens over', async () => {
        const { client, to, grants } = await ofClient();
        expect(await store.adoptGrants({ from: client, to, grants: grants.map(resealed) })).toBe(3);
        const grant = await found((grants[0] as GrantRecord).id);
        expect(grant).toMatchObject({ clientKey: to, generation: 2, state: 'active', sessionVersion: 1 });
        expect([...grant.refreshCiphertext]).toEqual([1, 2, 107, 50, 5]);
        expect(grant.accessTokenExpiresAtMs).toBeLessThanOrEqual(grant.readAtMs);
        expect([await countOf(client.clientKey), await countOf(to)]).toEqual([
          undefined,
          { provider: 'nowgg', clientKey: to, grants: 3 },
        ]);
        // A reply to a refresh that began before belongs to the former client, and is encrypted for it.
        expect(await store.commitTokens(commitOf(grants[0] as GrantRecord))).toBeUndefined();
      });

      it('stay with their client while they are leased, or when they have changed or ended since they were read', async () => {
        const { client, to, grants } = await ofClient();
        const [leased, refreshed, ended] = grants as [GrantRecord, GrantRecord, GrantRecord];
        await store.acquireLease(leaseOf(leased));
        await store.commitTokens(commitOf(refreshed));
        await store.revokeGrant(ended.id);
        const adoption = { from: client, to, grants: grants.map(resealed) };
        expect(await store.adoptGrants(adoption)).toBe(0);
        expect(await store.adoptGrants({ ...adoption, from: { ...client, provider: 'other' } })).toBe(0);
        await under.pass(LEASE_MS + 1);
        expect(await store.adoptGrants(adoption)).toBe(1);
      });

      it('are known to be adopted, also by a third client after another change', async () => {
        const [a, b, c] = [`a-${randomUUID()}`, `b-${randomUUID()}`, `c-${randomUUID()}`];
        await store.recordAdoption({ provider: 'nowgg', clientKey: a }, b);
        await store.recordAdoption({ provider: 'nowgg', clientKey: b }, c);
        expect([(await countOf(a))?.adoptedBy, (await countOf(b))?.adoptedBy]).toEqual([c, c]);
        await store.recordAdoption({ provider: 'nowgg', clientKey: c }, a);
        expect(await countOf(a)).toBeUndefined();
        expect([(await countOf(b))?.adoptedBy, (await countOf(c))?.adoptedBy]).toEqual([a, a]);
      });

      it('can be ended in batches, which deletes their tokens and no others', async () => {
        const { client, ids } = await ofClient();
        const other = await stored();
        let ended = 0;
        for (let after: string | undefined; ; ) {
          const { rows, next } = await store.endGrantsOf(client, 2, after);
          expect(rows).toBeLessThanOrEqual(2);
          ended += rows;
          if (next === undefined) break;
          after = next;
        }
        expect(ended).toBe(3);
        const grant = await found(ids[0] as string);
        expect(grant).toMatchObject({ state: 'revoked', sessionVersion: 2 });
        expect([grant.refreshCiphertext.length, grant.accessCiphertext.length]).toEqual([0, 0]);
        expect((await found(other.id)).state).toBe('active');
      });
    });

    describe('keys of session handles', () => {
      it('are counted for live grants, by the handle that was presented last', async () => {
        const before = await store.countVault();
        const grant = await stored({ handleKeyId: 'handle-1' });
        await stored({ handleKeyId: 'handle-1' });
        await store.revokeGrant((await stored({ handleKeyId: 'handle-1' })).id);
        await stored();
        await store.noteHandleKey(grant.id, 'handle-2');
        const after = await store.countVault();
        expect(after.sessionsByKeyId).toMatchObject({ 'handle-1': 1, 'handle-2': 1 });
        expect(after.sessionsOfUnknownKey - before.sessionsOfUnknownKey).toBe(1);
      });

      it('are noted without a trace in the times that the refresh protocol goes by', async () => {
        const grant = await stored({ handleKeyId: 'handle-1' });
        await under.pass(1_000);
        const { updatedAtMs } = await found(grant.id);
        await store.noteHandleKey(grant.id, 'handle-2');
        expect(await found(grant.id)).toMatchObject({ handleKeyId: 'handle-2', updatedAtMs });
      });
    });

    describe('the times of a session', () => {
      it('begin with the grant, and a use is noted without a trace in the times of the refresh protocol', async () => {
        const grant = await stored();
        expect(Math.abs(grant.sessionBegunAtMs - grant.createdAtMs)).toBeLessThan(1_000);
        expect(Math.abs(grant.sessionUsedAtMs - grant.createdAtMs)).toBeLessThan(1_000);
        await under.pass(1_000);
        const { updatedAtMs } = await found(grant.id);
        await store.noteSessionUse(grant.id);
        const used = await found(grant.id);
        expect(used).toMatchObject({ sessionBegunAtMs: grant.sessionBegunAtMs, updatedAtMs });
        expect(used.sessionUsedAtMs).toBeGreaterThan(grant.sessionUsedAtMs);
      });

      it('have no use of a grant that has ended', async () => {
        const grant = await stored();
        await store.revokeGrant(grant.id);
        await under.pass(1_000);
        const { sessionUsedAtMs } = await found(grant.id);
        await store.noteSessionUse(grant.id);
        expect((await found(grant.id)).sessionUsedAtMs).toBe(sessionUsedAtMs);
      });
    });

    describe('the key of a session that a page redeems', () => {
      const settle = async ({ id, sessionVersion }: GrantRecord, keyThumbprint?: string) =>
        store.settleKey({ id, sessionVersion, keyThumbprint });

      it('is one of many that come at once, or none, and stays', async () => {
        const grant = await stored();
        const keys = [...Array.from({ length: 15 }, (_, n) => `key-${n}`), undefined];
        const settled = await Promise.all(keys.map((key) => settle(grant, key)));
        expect(settled.filter(Boolean)).toHaveLength(1);
        const won = keys[settled.indexOf(true)];
        expect((await found(grant.id)).keyThumbprint).toBe(won);
        expect(await Promise.all(keys.map((key) => settle(grant, key)))).toEqual(settled);
      });

      it('is stored without a trace in the times and the handle, and fences no refresh', async () => {
        const grant = await stored();
        await store.acquireLease(leaseOf(grant));
        await under.pass(1_000);
        const before = await found(grant.id);
        expect(await settle(grant, 'key-1')).toBe(true);
        expect({ ...(await found(grant.id)), readAtMs: 0 }).toEqual({ ...before, readAtMs: 0, keyThumbprint: 'key-1' });
        expect(await store.commitTokens(commitOf(grant))).toMatchObject({ generation: 2, keyThumbprint: 'key-1' });
      });

      it('is none once it was settled so, or a handle was used', async () => {
        const [settled, used] = [await stored(), await stored()];
        expect(await settle(settled)).toBe(true);
        await store.advanceHandle({ id: used.id, sessionVersion: 1, handleVersion: 3, keyId: 'handle-1' });
        for (const [grant, handleVersion] of [
          [settled, 2],
          [used, 3],
        ] as const) {
          expect([await settle(grant, 'key-1'), await settle(grant)]).toEqual([false, true]);
          expect(await found(grant.id)).toMatchObject({ handleVersion, keyThumbprint: undefined });
        }
      });

      it('is not stored for a session that has ended', async () => {
        const grant = await stored();
        expect(await settle({ ...grant, sessionVersion: 2 }, 'key-1')).toBe(false);
        await store.revokeGrant(grant.id);
        for (const sessionVersion of [1, 2]) expect(await settle({ ...grant, sessionVersion }, 'key-1')).toBe(false);
        expect((await found(grant.id)).keyThumbprint).toBeUndefined();
      });
    });

    describe('the version of the session handle', () => {
      const use = (grant: GrantRecord, handleVersion: number, keyId = 'handle-2') =>
        store.advanceHandle({ id: grant.id, sessionVersion: grant.sessionVersion, handleVersion, keyId });

      it('rises with a use, which is noted with its key, without a trace in the times of the refresh protocol', async () => {
        const grant = await stored({ handleKeyId: 'handle-1' });
        expect(grant.handleVersion).toBe(1);
        await under.pass(1_000);
        const before = await found(grant.id);
        await use(grant, 2);
        const after = await found(grant.id);
        expect({ ...after, readAtMs: 0 }).toEqual({
          ...before,
          readAtMs: 0,
          handleVersion: 2,
          handleKeyId: 'handle-2',
          sessionUsedAtMs: after.sessionUsedAtMs,
        });
        expect(after.sessionUsedAtMs).toBeGreaterThan(before.sessionUsedAtMs);
      });

      it('never falls, and the same use again writes nothing', async () => {
        const grant = await stored();
        await use(grant, 5);
        await under.pass(1_000);
        const before = await found(grant.id);
        for (const version of [5, 4, 2]) await use(grant, version, 'handle-3');
        expect({ ...(await found(grant.id)), readAtMs: 0 }).toEqual({ ...before, readAtMs: 0 });
      });

      it('does not rise once the session has ended, nor for another session version', async () => {
        const grant = await stored();
        await use({ ...grant, sessionVersion: 2 }, 2);
        await store.revokeGrant(grant.id);
        await use(grant, 2);
        await use({ ...grant, sessionVersion: 2 }, 2);
        expect((await found(grant.id)).handleVersion).toBe(1);
      });

      it('is in no fence: a refresh that began before it is committed, and keeps it', async () => {
        const grant = await stored();
        await store.acquireLease(leaseOf(grant));
        await use(grant, 2);
        expect(await store.commitTokens(commitOf(grant))).toMatchObject({
          generation: 2,
          handleVersion: 2,
          sessionVersion: 1,
        });
      });
    });

    describe('forms of ciphertexts', () => {
      const sealed = (version: number) => ({
        refreshCiphertext: Buffer.from([version, 4, 102, 111, 114, 109, 1]),
        accessCiphertext: Buffer.from([version, 4, 102, 111, 114, 109, 2]),
      });
      const SECOND_VERSION = Buffer.from([2, 4, 102, 111, 114, 109]);
      const WIPED = { refreshCiphertext: Buffer.alloc(0), accessCiphertext: Buffer.alloc(0) };
      const listed = async () =>
        (await store.listSealedOtherwise(SECOND_VERSION, undefined, 10_000)).grants.map(({ id }) => id);

      it('counts the first version by key, whichever of the two tokens is in it', async () => {
        await stored(sealed(1));
        await stored({ ...sealed(2), refreshCiphertext: sealed(1).refreshCiphertext });
        await stored(sealed(2));
        const { byKeyId, firstVersionByKeyId } = await store.countVault();
        expect([byKeyId.form, firstVersionByKeyId.form]).toEqual([3, 2]);
      });

      it('lists the first version of the same key as sealed otherwise', async () => {
        const [first, second] = [await stored(sealed(1)), await stored(sealed(2))];
        const ids = await listed();
        expect([ids.includes(first.id), ids.includes(second.id)]).toEqual([true, false]);
      });

      it('neither lists nor counts a grant whose tokens were wiped, and seals nothing into it', async () => {
        const before = (await store.countVault()).byKeyId;
        const wiped = await stored(WIPED);
        expect(await listed()).not.toContain(wiped.id);
        expect((await store.countVault()).byKeyId).toEqual(before);
        const { id, generation, sessionVersion } = wiped;
        expect(await store.resealGrants([{ id, generation, sessionVersion, ...sealed(2) }])).toBe(0);
        expect((await found(id)).accessCiphertext).toHaveLength(0);
      });

      it('does not reseal a grant that was revoked since it was read', async () => {
        const { id, generation, sessionVersion } = await stored(sealed(1));
        await store.revokeGrant(id);
        expect(await store.resealGrants([{ id, generation, sessionVersion, ...sealed(2) }])).toBe(0);
      });
    });

    describe('upkeep', () => {
      const OLD = Buffer.from([1, 3, 111, 108, 100]);
      const NEW = Buffer.from([1, 3, 110, 101, 119]);
      const sealedOld = {
        refreshCiphertext: Buffer.concat([OLD, Buffer.from('r')]),
        accessCiphertext: Buffer.concat([OLD, Buffer.from('a')]),
      };
      const sealedNew = {
        refreshCiphertext: Buffer.concat([NEW, Buffer.from('r')]),
        accessCiphertext: Buffer.concat([NEW, Buffer.from('a')]),
      };

      const dayMs = 86_400_000;
      const limits = { endedForMs: dayMs, expiredForMs: dayMs, exchangeOlderThanMs: dayMs };
      const sweepEverythingOld = async () => {
        await under.pass(2 * dayMs);
        await store.sweep(limits, 10_000);
      };

      it('lists what another key sealed in order of id, in batches that can be resumed', async () => {
        const ids = (await Promise.all(Array.from({ length: 5 }, () => stored(sealedOld))))
          .map(({ id }) => id)
          .toSorted();
        await stored(sealedNew);
        const seen: string[] = [];
        for (let after: string | undefined; ; ) {
          const { grants, next } = await store.listSealedOtherwise(NEW, after, 2);
          expect(grants.length).toBeLessThanOrEqual(2);
          seen.push(...grants.map(({ id }) => id));
          if (next === undefined) break;
          after = next;
        }
        expect(seen).toEqual(seen.toSorted());
        expect(seen.filter((id) => ids.includes(id))).toEqual(ids);
      });

      it('reseals a grant for its generation and leaves one that has moved on', async () => {
        const [still, moved] = [await stored(sealedOld), await stored(sealedOld)];
        const committed = await store.commitTokens(commitOf(moved));
        const resealed = [still, moved].map(({ id, generation, sessionVersion }) => ({
          id,
          generation,
          sessionVersion,
          ...sealedNew,
        }));
        expect(await store.resealGrants(resealed)).toBe(1);
        expect((await found(still.id)).accessCiphertext).toEqual(sealedNew.accessCiphertext);
        expect((await found(moved.id)).accessCiphertext).toEqual(committed?.accessCiphertext);
      });

      it('knows whether a kept reply is sealed under another key', async () => {
        await sweepEverythingOld();
        const codeHash = randomUUID();
        await store.claimExchange({ codeHash, owner: randomUUID(), leaseMs: LEASE_MS });
        expect(await store.hasRepliesSealedOtherwise(OLD)).toBe(false);
        await store.sealExchange(codeHash, sealedOld.accessCiphertext);
        expect(await store.hasRepliesSealedOtherwise(OLD)).toBe(false);
        expect(await store.hasRepliesSealedOtherwise(NEW)).toBe(true);
        await store.completeExchange(codeHash, newGrant());
      });

      it('keeps the first check of a key until it is removed', async () => {
        const keyId = `key-${randomUUID()}`;
        await store.addKeyCheck({ keyId, checkCiphertext: Buffer.from('first') });
        await store.addKeyCheck({ keyId, checkCiphertext: Buffer.from('second') });
        const mine = async () => (await store.listKeyChecks()).filter((check) => check.keyId === keyId);
        expect(await mine()).toEqual([{ keyId, checkCiphertext: Buffer.from('first') }]);
        await store.removeKeyCheck(keyId);
        expect(await mine()).toEqual([]);
      });

      it('counts by state and by key', async () => {
        const before = await store.countVault();
        await stored(sealedOld);
        await store.revokeGrant((await stored(sealedOld)).id);
        const after = await store.countVault();
        expect(after.byState.active - before.byState.active).toBe(1);
        expect(after.byState.revoked - before.byState.revoked).toBe(1);
        expect((after.byKeyId.old ?? 0) - (before.byKeyId.old ?? 0)).toBe(2);
      });

      it("forgets every trace of a user's grants", async () => {
        const { userId, id } = await stored();
        await stored({ userId });
        expect(await store.forgetUser('nowgg', userId, undefined)).toBe(2);
        expect(await store.findGrant(id)).toBeUndefined();
      });

      it('sweeps what has ended long ago, in batches, and keeps what lives', async () => {
        await sweepEverythingOld();
        const living = await stored({ refreshTokenExpiresAtMs: undefined });
        const revoked = await stored();
        await store.revokeGrant(revoked.id);
        const now = (await found(living.id)).readAtMs;
        const expired = await stored({ refreshTokenExpiresAtMs: now });
        const refreshedSince = await stored({ refreshTokenExpiresAtMs: now });
        await under.pass(2 * dayMs);
        await store.commitTokens({ ...commitOf(refreshedSince), refreshTokenExpiresAtMs: now - 2 * dayMs });
        expect(await store.countSweepable(limits)).toEqual({ grants: 2, exchanges: 4 });
        const first = await store.sweep(limits, 1);
        expect(first).toMatchObject({ grants: 1, exchanges: 1, next: expect.any(String) });
        const second = await store.sweep(limits, 10, first.next);
        expect(second).toMatchObject({ grants: 1, exchanges: 3 });
        expect(await store.sweep(limits, 10)).toEqual({ grants: 0, exchanges: 0 });
        expect(await store.findGrant(expired.id)).toBeUndefined();
        expect([(await found(living.id)).state, (await found(refreshedSince.id)).state]).toEqual(['active', 'active']);
      });
    });
  });
}
