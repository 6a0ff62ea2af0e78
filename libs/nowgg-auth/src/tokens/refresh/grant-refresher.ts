import type { GrantRevoker } from '../ending/grant-revoker.js';
import type { GrantRecord } from '../store/grant-record.js';
import { DetachableSingleFlight } from '../../resilience/detachable-single-flight.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';
import { RefreshAttempt } from './refresh-attempt.js';
import { RefreshLeases } from './refresh-leases.js';
import type { RefreshResult } from './refresh-result.js';

/** Starts refreshes: at most one per generation of a grant in this process. */
export class GrantRefresher {
  readonly #parts: TokenDependencies;
  readonly #ending: GrantRevoker;
  readonly #inProgress = new DetachableSingleFlight<RefreshResult | undefined>();
  readonly #stopping = new AbortController();
  readonly #leases: RefreshLeases;

  constructor(parts: TokenDependencies, ending: GrantRevoker) {
    this.#parts = parts;
    this.#ending = ending;
    this.#leases = new RefreshLeases(parts, this.#stopping.signal);
  }

  /**
   * Replaces exactly the generation of `grant`. Joins a refresh of it that is in progress in this process.
   *
   * @param quietMs above 0 for a background refresh: gives way to any write of the last `quietMs` milliseconds
   * @returns undefined when a background refresh gave way, for a reason that does not bind a waiting caller: ask again
   */
  refresh(grant: GrantRecord, quietMs = 0): Promise<RefreshResult | undefined> {
    return this.#inProgress.join(`${grant.id}:${grant.generation}`, (leave) =>
      new RefreshAttempt(this.#parts, this.#ending, this.#leases, grant, quietMs).run(leave),
    );
  }

  /** Starts a background refresh unless one was tried within `backgroundQuietMs`. Never throws. */
  refreshInBackground(grant: GrantRecord): void {
    const { backgroundQuietMs } = this.#parts.timing;
    const now = grant.readAtMs;
    const pausedUntil = Math.max(grant.nextAttemptAtMs ?? 0, grant.refusal?.untilMs ?? 0);
    const quiet = grant.updatedAtMs > now - backgroundQuietMs || pausedUntil > now;
    if (quiet || (grant.leaseUntilMs ?? 0) > now || this.#stopping.signal.aborted) return;
    void this.refresh(grant, backgroundQuietMs).catch(() => undefined);
  }

  /**
   * Waits until every call in progress has ended and its response is stored. Callers that wait for another process stop
   * waiting.
   */
  async drain(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#inProgress.pending);
  }
}
