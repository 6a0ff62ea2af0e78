import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import type { RevocationStore } from '../../libs/nowgg-auth/src/revocation/revocation-store.js';
import { typeOrmRevocationStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';
import { dueForAWholeReading, readAll, setBack } from './support/news.js';

const WRITERS = 3;
const SUBJECTS = 4;
const writer = fc.integer({ min: 0, max: WRITERS - 1 });
const stepDraw = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      writer,
      subject: fc.nat(SUBJECTS - 1),
      lateMs: fc.constantFrom(0, 0, 300, 2_000, 8_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('commit' as const), writer }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rollback' as const), writer }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('savepoint' as const), writer }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('read' as const), isDue: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('clockBack' as const), seconds: fc.constantFrom(1, 20, 3_600) }),
  },
);
type Step = typeof stepDraw extends fc.Arbitrary<infer T> ? T : never;

let cluster: PostgresCluster;
let dataSource: DataSource;
let store: RevocationStore;
let writers: Client[];

beforeAll(async () => {
  cluster = await startPostgresCluster();
  const url = await cluster.createDatabase();
  dataSource = await migratedDataSource(url);
  store = typeOrmRevocationStore({ notify: false, poolSize: 0 }).create({ clock: new SystemClock() }, dataSource);
  writers = Array.from({ length: WRITERS }, () => new Client({ connectionString: url }));
  await Promise.all(writers.map((client) => client.connect()));
});
afterAll(async () => {
  await Promise.all(writers.map((client) => client.end()));
  await dataSource.destroy();
  await cluster.stop();
});

/** A process that reads news, and programs that write: the end of a ban tells one write of a subject from another. */
class Run {
  readonly #known = new Map<string, number | undefined>();
  readonly #open = new Set<number>();
  readonly #held = new Map<string, number>();
  #cursor: string | undefined;
  #writes = 0;

  async do(step: Step): Promise<void> {
    if (step.do === 'read') await this.read(step.isDue);
    else if (step.do === 'clockBack') this.#cursor &&= setBack(this.#cursor, step.seconds);
    else if (step.do === 'write') await this.#write(step.writer, `s${step.subject}`, step.lateMs);
    else if (step.do === 'savepoint' && this.#open.has(step.writer))
      await writers[step.writer]?.query('SAVEPOINT here');
    else if (step.do !== 'savepoint') await this.#end(step.writer, step.do);
  }

  async read(isDue: boolean): Promise<void> {
    const from = this.#cursor && isDue ? dueForAWholeReading(this.#cursor) : this.#cursor;
    const { watermarks, cursor } = await readAll(store, from);
    for (const { id, refusedUntilMs } of watermarks) this.#known.set(id, refusedUntilMs);
    this.#cursor = cursor;
  }

  /** Ends all, reads as the next poll does, and compares. @returns subjects that the process knows wrongly */
  async wronglyKnown(): Promise<readonly string[]> {
    for (const each of this.#open) await this.#end(each, 'commit');
    await this.read(false);
    await this.read(true);
    const rows: { subject_id: string; ms: number }[] = await dataSource.query(
      `SELECT subject_id, (extract(epoch FROM refused_until) * 1000)::float8 AS ms FROM nowgg_revocation`,
    );
    return rows.filter(({ subject_id, ms }) => this.#known.get(subject_id) !== ms).map(({ subject_id }) => subject_id);
  }

  async #write(index: number, subject: string, lateMs: number): Promise<void> {
    // A row that another transaction has changed would make this one wait.
    if ((this.#held.get(subject) ?? index) !== index) return;
    if (!this.#open.has(index)) await writers[index]?.query('BEGIN');
    this.#open.add(index);
    this.#held.set(subject, index);
    this.#writes += 1;
    await writers[index]?.query(
      `INSERT INTO nowgg_revocation AS known (provider, kind, subject_id, refused_until, changed_at)
       VALUES ('nowgg', 'user', $1, $2::timestamptz, clock_timestamp() - $3::float8 * interval '1 millisecond')
       ON CONFLICT (provider, kind, subject_id) DO UPDATE
         SET refused_until = excluded.refused_until, changed_at = excluded.changed_at`,
      [subject, new Date(Date.UTC(2100, 0) + this.#writes * 1_000), lateMs],
    );
  }

  async #end(index: number, how: 'commit' | 'rollback'): Promise<void> {
    if (!this.#open.delete(index)) return;
    await writers[index]?.query(how);
    for (const [subject, holder] of this.#held) if (holder === index) this.#held.delete(subject);
  }
}

describe('a process that reads news of revocations', () => {
  it('knows each committed state after the next poll, whatever commits late, rolls back, or moves the clock', async () => {
    const property = fc.asyncProperty(fc.array(stepDraw, { minLength: 5, maxLength: 40 }), async (steps) => {
      const run = new Run();
      await run.read(false);
      for (const step of steps) await run.do(step);
      return (await run.wronglyKnown()).length === 0;
    });
    const { counterexample } = await fc.check(property, { numRuns: 300 });
    expect(counterexample).toBeNull();
  }, 240_000);
});
