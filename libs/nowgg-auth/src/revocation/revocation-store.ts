import type { InjectionToken } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import type { AuditAct } from '../trail/audit-act.js';
import type { AuditTrail } from '../trail/audit-trail.js';
import { keyOfSubject, mergeWatermarks, type RevocationSubject, type Watermark } from './marks/watermark.js';

/** The changes since a cursor, and the cursor for the next call. */
export interface RevocationChanges {
  /** Read once, in order. */
  readonly watermarks: Iterable<Watermark>;
  readonly cursor: string;
  /** Whether more changes can be read with this cursor at once. Default: false. */
  readonly isPartial?: boolean;
}

/** A ban in force, as its author stated it. */
export interface StoredBan extends RevocationSubject {
  readonly untilMs: number;
  /** When it began, in epoch milliseconds of the store's clock. Another end or reason does not begin it anew. */
  readonly beganAtMs: number;
  readonly reasonCode: string | undefined;
  readonly text: string | undefined;
  readonly by: string | undefined;
}

/** The result of one batch of a sweep. */
export interface SweptRevocations {
  readonly revocations: number;
  /** Where the next batch begins; undefined when there is none. */
  readonly next?: string | undefined;
}

/** The longest lives of tokens: a mark that is older than that refuses only expired tokens. */
export interface LongestTokenLives {
  /** Longest life for a provider that has no entry, in milliseconds. */
  readonly defaultMs: number;
  /** Longest lives by provider, in milliseconds. */
  entries(): readonly (readonly [string, number])[];
}

/**
 * Port: the store whose watermarks apply to all processes. Every operation is a single statement; errors are
 * `IdentityUnavailableError` and contain no parameters. After a `NowggConfigurationError` from {@link checkSchema} or
 * {@link changesSince} at the start, the application refuses to boot.
 */
export abstract class RevocationStore {
  /** Whether other processes can write here too: then the store must be polled. */
  abstract readonly isShared: boolean;

  /**
   * Checks, when the application starts, that this release can use the store.
   * @throws NowggConfigurationError that says what is missing or too new, and what to do
   */
  async checkSchema(): Promise<void> {
    // Stores that have no tables have nothing to check.
  }

  /**
   * The store of bans from single features, apart from this one: processes of a release that does not know them must not
   * read such a ban as one of the player. Undefined: this store keeps none.
   */
  get features(): RevocationStore | undefined {
    return undefined;
  }

  /** What this store has written about the acts that it was given. Undefined: it writes nothing about them. */
  get audit(): AuditTrail | undefined {
    return undefined;
  }

  /** Merges a watermark into the state of its subject, see `mergeWatermarks`; returns the outcome. */
  abstract put(watermark: Watermark): Promise<Watermark>;

  /**
   * Merges several watermarks, each subject once; returns the outcomes in any order. A store that can do so writes them
   * in one statement, all or none.
   * @param _acts what operators do by that: a store with an {@link audit} writes them in the same statement
   */
  async putMany(watermarks: readonly Watermark[], _acts: readonly AuditAct[] = []): Promise<readonly Watermark[]> {
    const outcomes: Watermark[] = [];
    for (const watermark of watermarks) outcomes.push(await this.put(watermark));
    return outcomes;
  }

  /**
   * Lifts every revocation of a subject.
   * @param acts as in {@link putMany}
   */
  abstract restore(subject: RevocationSubject, acts?: readonly AuditAct[]): Promise<void>;

  abstract find(subject: RevocationSubject): Promise<Watermark | undefined>;

  /** Finds the states of several subjects in any order; leaves out those without one. */
  async findMany(subjects: readonly RevocationSubject[]): Promise<readonly Watermark[]> {
    const found: Watermark[] = [];
    for (const subject of subjects) {
      const watermark = await this.find(subject);
      if (watermark) found.push(watermark);
    }
    return found;
  }

  /**
   * Finds what was stated about the bans of these subjects that are in force. Leaves out those about which nothing is
   * known, as of a ban that another program wrote.
   */
  async findBans(_subjects: readonly RevocationSubject[]): Promise<readonly StoredBan[]> {
    return [];
  }

  /**
   * Returns the subjects that changed since the cursor, lifted ones included (with neither time). Without a cursor,
   * returns all that can still refuse something. May repeat a change, never omits one.
   */
  abstract changesSince(cursor: string | undefined, lives?: LongestTokenLives): Promise<RevocationChanges>;

  /** Returns the longest lives of tokens that {@link keepTokenLife} stored, by provider. */
  async tokenLives(): Promise<readonly (readonly [string, number])[]> {
    return [];
  }

  /** Stores the longest life of a provider's tokens, in milliseconds; a shorter one than stored changes nothing. */
  async keepTokenLife(_provider: string, _lifeMs: number): Promise<void> {
    // With a store that does not override this, every process learns anew.
  }

  /**
   * Counts the watermarks that {@link sweepSpent} would delete: only those unchanged for this many milliseconds. Stores
   * that keep none permanently need not override either method.
   */
  async countSpent(_unchangedForMs: number): Promise<number> {
    return 0;
  }

  /**
   * Deletes at most `limit` watermarks that can refuse nothing any more, see `isSpent`.
   * @param _after the `next` of the batch before; undefined for the first
   */
  async sweepSpent(_unchangedForMs: number, _limit: number, _after?: string): Promise<SweptRevocations> {
    return { revocations: 0 };
  }

  /**
   * Calls back soon after another process changed something, if the store has a cheap way to learn of it. Only a hint:
   * it may be lost. Returns a function that ends the watch.
   */
  async watch(_onHint: () => void): Promise<() => Promise<void>> {
    return async () => undefined;
  }
}

/** Merges watermarks to one for each subject, as a single statement requires. */
export function onePerSubject(watermarks: readonly Watermark[]): readonly Watermark[] {
  const merged = new Map<string, Watermark>();
  for (const watermark of watermarks) {
    const key = keyOfSubject(watermark);
    merged.set(key, mergeWatermarks(merged.get(key), watermark));
  }
  return [...merged.values()];
}

/** Data that the module passes to a wiring when it creates the store. */
export interface RevocationStoreContext {
  readonly clock: NowggClock;
}

/** Creation of a revocation store: the dependencies to inject, and the factory that uses them. */
export interface RevocationStoreWiring {
  readonly inject: readonly InjectionToken[];
  /** @param dependencies instances for {@link inject}, in the same order */
  create(context: RevocationStoreContext, ...dependencies: unknown[]): RevocationStore;
}
