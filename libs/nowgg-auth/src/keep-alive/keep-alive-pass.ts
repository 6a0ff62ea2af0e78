import type { NowggClock } from '../clock.js';
import { ReauthenticationRequiredError } from '../errors.js';
import type { RefreshTokenIdle } from '../identity/identity-provider.js';
import type { TokenBucket } from '../resilience/token-bucket.js';
import { type GrantRecord, isRefreshable } from '../tokens/store/grant-record.js';
import type { TokenStore } from '../tokens/store/token-store.js';
import type { StoredClient } from '../tokens/store/vault-record.js';
import { lapsesAtMs, renewalAtMs } from './schedule.js';

/** What a look at all grants of one client has done, or with a dry run would do. */
export interface KeepAliveReport {
  /** Name of the identity provider. */
  readonly provider: string;
  /** Grants whose turn it was. */
  readonly due: number;
  readonly renewed: number;
  /** Renewals that the identity system or the database did not carry out. The next look tries them again. */
  readonly failed: number;
  /** Grants that the identity system has ended, so that nothing can be renewed. */
  readonly ended: number;
  /** When the first of the failed ones lapses. Absent when none failed. */
  readonly firstLapseAt?: Date;
  /** Whether every grant was looked at. */
  readonly complete: boolean;
}

export interface KeepAlivePassParts {
  readonly store: TokenStore;
  readonly clock: NowggClock;
  readonly client: StoredClient;
  readonly idle: RefreshTokenIdle | undefined;
  readonly rate: TokenBucket;
  /** Refreshes a grant, as any caller does: at most once for its generation in all processes. */
  readonly refresh: (grant: GrantRecord) => Promise<unknown>;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  /** The id after which the look begins; it goes on at the first one after the last. */
  readonly startAfter: string;
}

/** As many as a statement looks at, so that none is looked at twice where many are due. */
const PAGE = 2_000;
const AT_ONCE = 8;
/** Failures without a success in between after which the identity system is left alone until the next look. */
const MOST_FAILURES = 24;

/** One look at all grants of a client. Grants are in the order of random ids, so that none is always last. */
export class KeepAlivePass {
  readonly #parts: KeepAlivePassParts;
  readonly #counts = { due: 0, renewed: 0, failed: 0, ended: 0 };
  readonly #underWay = new Set<Promise<void>>();
  #failuresInARow = 0;
  #firstLapseMs = Number.POSITIVE_INFINITY;

  constructor(parts: KeepAlivePassParts) {
    this.#parts = parts;
  }

  async run(): Promise<KeepAliveReport> {
    const { startAfter, client } = this.#parts;
    try {
      const isComplete = (await this.#walk(startAfter, undefined)) && (await this.#walk(undefined, startAfter));
      await Promise.all(this.#underWay);
      const firstLapseAt = Number.isFinite(this.#firstLapseMs) ? { firstLapseAt: new Date(this.#firstLapseMs) } : {};
      return { provider: client.provider, ...this.#counts, ...firstLapseAt, complete: isComplete && !this.#isOver };
    } finally {
      await Promise.all(this.#underWay);
    }
  }

  /** @returns whether the end was reached */
  async #walk(from: string | undefined, to: string | undefined): Promise<boolean> {
    const { store, client, idle } = this.#parts;
    const lapsing = { client, idleMs: idle?.ms, sinceAccessExpiry: idle?.since === 'access_expiry' };
    for (let after = from; !this.#isOver; ) {
      const { grants, next } = await store.listLapsing(lapsing, after, PAGE);
      for (const grant of grants) {
        if (to !== undefined && grant.id > to) return true;
        if (this.#isDue(grant)) await this.#renew(grant);
        if (this.#isOver) return false;
      }
      if (next === undefined || (to !== undefined && next > to)) return true;
      after = next;
    }
    return false;
  }

  get #isOver(): boolean {
    return this.#parts.signal.aborted || this.#failuresInARow >= MOST_FAILURES;
  }

  #isDue(grant: GrantRecord): boolean {
    const at = renewalAtMs(grant, this.#parts.idle);
    return isRefreshable(grant) && at !== undefined && at <= grant.readAtMs;
  }

  async #renew(grant: GrantRecord): Promise<void> {
    this.#counts.due += 1;
    const { dryRun, rate, clock, signal } = this.#parts;
    if (dryRun) return;
    while (!rate.take()) {
      await clock.wait(Math.max(1, rate.msUntil(1)), signal).catch(() => undefined);
      if (this.#isOver) return;
    }
    while (this.#underWay.size >= AT_ONCE) await Promise.race(this.#underWay);
    const renewal = this.#attempt(grant).finally(() => void this.#underWay.delete(renewal));
    this.#underWay.add(renewal);
  }

  async #attempt(grant: GrantRecord): Promise<void> {
    try {
      await this.#parts.refresh(grant);
      this.#counts.renewed += 1;
      this.#failuresInARow = 0;
    } catch (error) {
      if (error instanceof ReauthenticationRequiredError) {
        this.#counts.ended += 1;
        return;
      }
      this.#counts.failed += 1;
      this.#failuresInARow += 1;
      this.#firstLapseMs = Math.min(this.#firstLapseMs, lapsesAtMs(grant, this.#parts.idle) ?? Infinity);
    }
  }
}
