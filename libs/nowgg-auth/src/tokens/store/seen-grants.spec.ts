import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { NOWGG_SECURITY_CHANNEL } from '../../events/security-events.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import type { GrantState } from './grant.js';
import type { GrantRecord } from './grant-record.js';
import { GrantLoader } from './grant-loader.js';
import { MemoryTokenStore } from './memory/memory-token-store.js';
import { SeenGrants } from './seen-grants.js';
import { settled } from '../testing-support/token-service-under-test.js';
import { propertyRuns } from '../../testing-support/property-runs.js';

const row = (generation: number, sessionVersion = 1, state: GrantState = 'active') =>
  ({ id: 'a', provider: 'nowgg', generation, sessionVersion, state }) as GrantRecord;

describe('SeenGrants', () => {
  it('keeps the newest of each and is not moved by an older row', () => {
    const seen = new SeenGrants();
    for (const generation of [2, 1, 3, 2]) seen.note(row(generation));
    expect(seen.recall('a')).toMatchObject({ generation: 3, restored: false });
  });

  it('calls an end final, whichever of the two rows around it is noted', () => {
    for (const noted of [row(1), row(1, 2, 'revoked')]) {
      const seen = new SeenGrants();
      seen.noteEnd(noted);
      expect(seen.recall('a')).toMatchObject({ sessionVersion: 2, ended: true });
      expect([seen.isRevived(row(1)), seen.isRevived(row(9, 2)), seen.isRevived(row(1, 2, 'revoked'))]).toEqual([
        true,
        true,
        false,
      ]);
    }
  });

  it('forgets the grants that were used longest ago', () => {
    const seen = new SeenGrants(2);
    for (const id of ['a', 'b', 'c']) seen.note({ ...row(5), id });
    expect([seen.recall('a'), seen.recall('c')?.generation]).toEqual([undefined, 5]);
  });
});

describe('reads of a grant that changes meanwhile', () => {
  let events: number;
  const count = () => void (events += 1);
  beforeEach(() => {
    events = 0;
    subscribe(NOWGG_SECURITY_CHANNEL, count);
  });
  afterEach(() => void unsubscribe(NOWGG_SECURITY_CHANNEL, count));

  const STEPS = ['read', 'answer', 'answer', 'commit', 'lateCommit', 'revoke'] as const;

  /** A database whose reads are answered late, with the row as it stood when the database came to them. */
  class SlowDatabase {
    readonly seen = new SeenGrants();
    readonly reads: GrantLoader;
    row = row(1);
    readonly #open: ((grant: GrantRecord) => void)[] = [];

    constructor() {
      const store = new MemoryTokenStore(new ManualClock());
      // Half of the reads see the row at once, the others when they are answered.
      store.findGrant = () => {
        const early = this.#open.length % 2 === 0 ? this.row : undefined;
        return new Promise((resolve) => this.#open.push(() => resolve(early ?? this.row)));
      };
      this.reads = new GrantLoader(store, this.seen);
    }

    async answer(): Promise<void> {
      this.#open.shift()?.(this.row);
      await settled();
    }

    async drain(): Promise<void> {
      do await this.answer();
      while (this.#open.length > 0);
    }
  }

  it('tells nothing while every row only moves on, however late the answers come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...STEPS), { maxLength: 25 }), async (steps) => {
        const database = new SlowDatabase();
        for (const step of steps) {
          if (step === 'read') void database.reads.find('a');
          if (step === 'answer') await database.answer();
          if (step === 'commit' || step === 'lateCommit') {
            const { generation, sessionVersion, state } = database.row;
            if (state === 'active') database.row = row(generation + 1, sessionVersion, state);
            // Of this process, or of another one that this process hears of by reading.
            if (step === 'commit') database.seen.note(database.row);
          }
          if (step === 'revoke' && database.row.state === 'active') {
            database.row = row(database.row.generation, 2, 'revoked');
            database.seen.noteEnd(database.row);
          }
        }
        await database.drain();
        expect(events).toBe(0);
      }),
      { numRuns: propertyRuns(60) },
    );
  });

  it('tells of a row that went back, and refuses it exactly if its session had ended', async () => {
    const versions = fc.record({ generation: fc.integer({ min: 1, max: 4 }), ended: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(versions, versions, async (before, after) => {
        events = 0;
        const database = new SlowDatabase();
        const of = ({ generation, ended }: typeof before) => (ended ? row(generation, 2, 'revoked') : row(generation));
        const read = async () => {
          const found = database.reads.find('a');
          await database.drain();
          return found;
        };
        database.row = of(before);
        await read();
        database.row = of(after);
        const found = await read();
        const revived = before.ended && !after.ended;
        expect(found === undefined).toBe(revived);
        expect(events).toBe(revived || after.generation < before.generation ? 1 : 0);
      }),
      { numRuns: propertyRuns(60) },
    );
  });
});
