import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { MemoryTokenStore } from '../../libs/nowgg-auth/src/tokens/store/memory/memory-token-store.js';
import type { GrantRecord } from '../../libs/nowgg-auth/src/tokens/store/grant-record.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { ManualClock } from '../../libs/nowgg-auth/src/testing-support/manual-clock.js';
import { typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { ageRows, migratedDataSource } from '../support/token-service/migrated-database.js';

const HOUR = 3_600_000;
const OWNERS = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'];

/** In hours, so that the milliseconds that pass for PostgreSQL by themselves change no outcome. */
const step = fc.oneof(
  fc.record({
    op: fc.constant('acquire' as const),
    owner: fc.constantFrom(...OWNERS),
    behind: fc.constantFrom(0, 0, 0, 1),
    quiet: fc.constantFrom(0, 0, 2),
  }),
  fc.record({
    op: fc.constant('commit' as const),
    behind: fc.constantFrom(0, 0, 0, 1),
    version: fc.constantFrom(0, 0, 1),
  }),
  fc.record({ op: fc.constant('fail' as const), owner: fc.constantFrom(...OWNERS), inDoubt: fc.boolean() }),
  fc.record({
    op: fc.constant('refuse' as const),
    owner: fc.constantFrom(...OWNERS),
    evidence: fc.option(
      fc.record({
        secret: fc.constantFrom('ours', 'theirs'),
        count: fc.constant(1),
        runs: fc.constant(1),
        begins: fc.constant(true),
        confirmation: fc.constantFrom('none' as const, 'kept' as const, 'new' as const),
      }),
      { nil: undefined },
    ),
    state: fc.constantFrom('suspect' as const, 'suspect' as const, 'needs_reauth' as const),
  }),
  fc.record({ op: fc.constant('end' as const) }),
  fc.record({ op: fc.constant('retry' as const) }),
  fc.record({ op: fc.constant('pass' as const), hours: fc.constantFrom(1, 3, 7, 61) }),
  fc.record({ op: fc.constant('revoke' as const), odds: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ op: fc.constant('claim' as const), owner: fc.constantFrom(...OWNERS) }),
  fc.record({ op: fc.constant('seal' as const), reply: fc.constantFrom('one', 'two') }),
  fc.record({ op: fc.constant('release' as const), owner: fc.constantFrom(...OWNERS), now: fc.boolean() }),
  fc.record({ op: fc.constant('remove' as const), owner: fc.constantFrom(...OWNERS), unlessSealed: fc.boolean() }),
  fc.record({ op: fc.constant('complete' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A store with one grant and one code of its own, and how time passes for it. */
interface Subject {
  readonly store: TokenStore;
  readonly grantId: string;
  readonly codeHash: string;
  pass(ms: number): Promise<void>;
}

describe('any sequence of operations', () => {
  let cluster: PostgresCluster;
  let dataSource: DataSource;
  let store: TokenStore;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    dataSource = await migratedDataSource(await cluster.createDatabase());
    store = typeOrmTokenStore().create({ clock: new SystemClock() }, dataSource);
  }, 60_000);
  afterAll(async () => {
    await store.close();
    await dataSource.destroy();
    await cluster.stop();
  });

  it('comes to the same on PostgreSQL as on the memory store, step by step', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        await dataSource.query('TRUNCATE nowgg_grant, nowgg_exchange');
        const real = await subjectOf(store, (ms) => ageRows(dataSource, ms));
        const clock = new ManualClock();
        const model = await subjectOf(new MemoryTokenStore(clock), async (ms) => clock.advance(ms));
        for (const taken of steps) {
          expect([taken, await outcomeOf(real, taken)]).toEqual([taken, await outcomeOf(model, taken)]);
        }
      }),
      { numRuns: 150, seed: 20_260_101 },
    );
  }, 240_000);
});

async function subjectOf(store: TokenStore, pass: Subject['pass']): Promise<Subject> {
  const [grantId, codeHash, first] = [randomUUID(), randomUUID(), randomUUID()];
  await store.claimExchange({ codeHash: first, owner: randomUUID(), leaseMs: HOUR });
  await store.completeExchange(first, newGrant(grantId));
  return { store, grantId, codeHash, pass };
}

async function outcomeOf(subject: Subject, taken: Step): Promise<unknown> {
  const { store, grantId: id, codeHash } = subject;
  const grant = (await store.findGrant(id)) as GrantRecord;
  const { generation, sessionVersion } = grant;
  const outcome = await perform();
  const after = await store.findGrant(id);
  return [outcome, after && viewOf(after)];

  async function perform(): Promise<unknown> {
    switch (taken.op) {
      case 'acquire': {
        const durations = {
          leaseMs: 6 * HOUR,
          takeoverLeaseMs: 60 * HOUR,
          quietMs: taken.quiet * HOUR,
          secret: 'ours',
        };
        const attempt = { id, generation: generation - taken.behind, owner: taken.owner };
        const lease = await store.acquireLease({ ...attempt, ...durations });
        return { outcome: lease.outcome, inDoubt: 'predecessorInDoubt' in lease && lease.predecessorInDoubt };
      }
      case 'commit': {
        const fence = { generation: generation - taken.behind, sessionVersion: sessionVersion - taken.version };
        const cts = { refreshCiphertext: Buffer.from('r'), accessCiphertext: Buffer.from('a') };
        return (await store.commitTokens({ id, ...fence, ...cts, ...NEVER }))?.generation;
      }
      case 'fail':
        return store.recordFailure({ ...taken, id, generation, retryInMs: 2 * HOUR });
      case 'refuse':
        return store.recordRefusal({ ...taken, id, generation, failCode: 'NO', retryInMs: 2 * HOUR });
      case 'end':
        return store.endByEvidence({ id, generation, confirmedAtMs: grant.refusal?.confirmedAtMs ?? 0 });
      case 'retry':
        return (await store.retryEnded(10)).rows;
      case 'pass':
        return subject.pass(taken.hours * HOUR);
      case 'revoke':
        return taken.odds === 0 ? (await store.revokeGrant(id))?.sessionVersion : undefined;
      case 'claim': {
        const claim = await store.claimExchange({ codeHash, owner: taken.owner, leaseMs: 6 * HOUR });
        const reply = 'exchange' in claim ? claim.exchange.replyCiphertext?.toString() : undefined;
        return { outcome: claim.outcome, inDoubt: 'predecessorInDoubt' in claim && claim.predecessorInDoubt, reply };
      }
      case 'seal':
        return store.sealExchange(codeHash, Buffer.from(taken.reply));
      case 'release':
        return store.releaseExchange({ codeHash, owner: taken.owner, keepsLease: !taken.now });
      case 'remove':
        return store.removeExchange({ codeHash, owner: taken.owner, unlessSealed: taken.unlessSealed });
      case 'complete':
        return (await store.completeExchange(codeHash, newGrant(randomUUID()))) !== undefined;
    }
  }
}

const NEVER = { accessTokenExpiresAtMs: undefined, refreshTokenExpiresAtMs: undefined };

function newGrant(id: string) {
  const cts = { refreshCiphertext: Buffer.from('r'), accessCiphertext: Buffer.from('a') };
  return { id, provider: 'nowgg', clientKey: 'client-key', userId: 'player', sessionId: undefined, ...cts, ...NEVER };
}

/** What of a row must be the same on every store. */
function viewOf({ state, generation, sessionVersion, leaseOwner, refusal, failCode, ...times }: GrantRecord): object {
  const { leaseUntilMs, attemptStartedAtMs, nextAttemptAtMs, readAtMs } = times;
  const hoursAway = (ms: number | undefined) => (ms === undefined ? undefined : Math.round((ms - readAtMs) / HOUR) + 0);
  return {
    state,
    generation,
    sessionVersion,
    leaseOwner,
    refusedWith: refusal?.secret,
    failCode,
    leaseIn: hoursAway(leaseUntilMs),
    attemptIn: hoursAway(attemptStartedAtMs),
    refusedIn: hoursAway(refusal?.firstAtMs),
    refusedUntil: hoursAway(refusal?.untilMs),
    confirmedIn: hoursAway(refusal?.confirmedAtMs),
    nextIn: hoursAway(nextAttemptAtMs),
  };
}
