import { randomUUID } from 'node:crypto';
import { NowggConfigurationError } from '../../errors.js';
import type { IdentityProvider } from '../../identity/identity-provider.js';
import type { GrantRevoker } from '../ending/grant-revoker.js';
import type { GrantRecord } from '../store/grant-record.js';
import { LeaseWaiter } from './lease-waiter.js';
import { RefreshAttempt } from './refresh-attempt.js';
import { DetachableSingleFlight } from '../../resilience/detachable-single-flight.js';
import type { RefreshResult, RefreshTimes } from './refresh-result.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';
import { circuitKey } from '../calls/token-call.js';
import { publishTokenEvent, type RefreshOutcome } from '../events/token-events.js';

/** The refresh protocol: one call per expiry across all processes, and no received token set is lost. */
export class GrantRefresher {
  readonly #parts: TokenDependencies;
  readonly #ending: GrantRevoker;
  readonly #inProgress = new DetachableSingleFlight<RefreshResult | undefined>();
  readonly #holders: LeaseWaiter;
  readonly #stopping = new AbortController();

  constructor(parts: TokenDependencies, ending: GrantRevoker) {
    this.#parts = parts;
    this.#ending = ending;
    this.#holders = new LeaseWaiter(parts);
  }

  /**
   * Replaces exactly the generation of `grant`. Joins a refresh of it that is in progress in this process.
   * @returns undefined when a background refresh gave way, for a reason that does not bind a waiting caller: ask again
   */
  refresh(grant: GrantRecord): Promise<RefreshResult | undefined> {
    return this.#joinOrStart(grant, 0);
  }

  /** Starts a background refresh unless one was tried within `backgroundQuietMs`. Never throws. */
  refreshInBackground(grant: GrantRecord): void {
    const { backgroundQuietMs } = this.#parts.timing;
    const now = grant.readAtMs;
    const quiet = grant.updatedAtMs > now - backgroundQuietMs || (grant.nextAttemptAtMs ?? 0) > now;
    if (quiet || (grant.leaseUntilMs ?? 0) > now || this.#stopping.signal.aborted) return;
    void this.#joinOrStart(grant, backgroundQuietMs).catch(() => undefined);
  }

  /**
   * Waits until every call in progress has ended and its response is stored. Callers that wait for another process stop
   * waiting.
   */
  async drain(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#inProgress.pending);
  }

  #joinOrStart(grant: GrantRecord, quietMs: number): Promise<RefreshResult | undefined> {
    return this.#inProgress.join(`${grant.id}:${grant.generation}`, (leave) =>
      this.#refreshAndReport(grant, quietMs, leave),
    );
  }

  async #refreshAndReport(grant: GrantRecord, quietMs: number, leave: () => void): Promise<RefreshResult | undefined> {
    const { clock, timing } = this.#parts;
    const startedAt = clock.monotonicNow();
    const times: RefreshTimes = {};
    let outcome: RefreshOutcome | undefined = 'failed';
    try {
      const result = await this.#acquireLeaseAndCall(grant, quietMs, times, leave);
      const late = clock.monotonicNow() - startedAt > timing.softDeadlineMs;
      outcome = result?.outcome === 'refreshed' && late ? 'stored_late' : result?.outcome;
      return result;
    } finally {
      if (outcome !== undefined) this.#report(grant, outcome, clock.monotonicNow() - startedAt, times);
    }
  }

  #report(
    { id: grantId, provider }: GrantRecord,
    outcome: RefreshOutcome,
    durationMs: number,
    times: RefreshTimes,
  ): void {
    const { counters } = this.#parts;
    counters.count(outcome);
    if (times.leaseWaitMs !== undefined) counters.leaseWait.observe(times.leaseWaitMs);
    publishTokenEvent({ type: 'refresh', provider, grantId, outcome, durationMs, ...times });
  }

  async #acquireLeaseAndCall(
    grant: GrantRecord,
    quietMs: number,
    times: RefreshTimes,
    leave: () => void,
  ): Promise<RefreshResult | undefined> {
    const { store, circuits, refreshPlaces, timing, clock } = this.#parts;
    const { id, generation, clientKey } = grant;
    const { leaseMs, lateReplyMs: takeoverLeaseMs } = timing;
    const provider = this.#providerOf(grant);
    const startedAt = clock.monotonicNow();
    const waitUntil = startedAt + timing.softDeadlineMs;
    for (;;) {
      const closedForMs = circuits.closedForMs(circuitKey('refresh', clientKey));
      if (closedForMs > 0) return { outcome: 'circuit_open', retryInMs: closedForMs };
      const leavePlace = await refreshPlaces.of(clientKey).enter({}, Math.max(0, waitUntil - clock.monotonicNow()));
      if (!leavePlace) return { outcome: 'overloaded', retryInMs: timing.failedRetryMs };
      const owner = randomUUID();
      const lease = await store
        .acquireLease({ id, generation, owner, leaseMs, takeoverLeaseMs, quietMs })
        .catch((error: unknown) => {
          leavePlace();
          throw error;
        });
      if (lease.outcome !== 'acquired') leavePlace();
      times.leaseWaitMs = clock.monotonicNow() - startedAt;
      switch (lease.outcome) {
        case 'acquired':
          return this.#callAndCommit(
            new RefreshAttempt(this.#parts, this.#ending, provider, lease, owner, times),
            leave,
          ).finally(leavePlace);
        case 'adopted':
          return { outcome: lease.outcome, grant: lease.grant };
        case 'ended':
          return { outcome: lease.outcome };
        case 'backing_off':
          return backingOff(lease.grant);
        case 'held':
          if (quietMs > 0) return undefined;
          if (await this.#holders.changed(lease.grant, waitUntil, this.#stopping.signal)) break;
          times.leaseWaitMs = clock.monotonicNow() - startedAt;
          return { outcome: this.#gaveUp(), retryInMs: leaseLeft(lease.grant) };
      }
    }
  }

  async #callAndCommit(attempt: RefreshAttempt, leave: () => void): Promise<RefreshResult | undefined> {
    const { clock, deadlines, timing } = this.#parts;
    const startedAt = clock.monotonicNow();
    // Once the lease has lapsed any process may take over, including this one: no new caller should wait for this call.
    const clearDeadline = deadlines.set(startedAt + timing.leaseMs, leave);
    try {
      return await attempt.run();
    } finally {
      clearDeadline();
      this.#holders.observe(clock.monotonicNow() - startedAt);
    }
  }

  /** A caller with time left may keep waiting after a timeout, but not in a process that is shutting down. */
  #gaveUp(): 'held' | 'backing_off' {
    return this.#stopping.signal.aborted ? 'backing_off' : 'held';
  }

  /** A refresh token is used only by the client that it was issued to. */
  #providerOf(grant: GrantRecord): IdentityProvider {
    const provider = this.#parts.identityProviders.get(grant.provider);
    if (provider.clientKey === grant.clientKey) return provider;
    throw new NowggConfigurationError('the grant belongs to another client or address of its identity provider');
  }
}

/**
 * Result when another attempt was made a moment ago. Only a `nextAttemptAtMs`, which binds every caller, is a reason to
 * send a waiting caller away.
 */
function backingOff(grant: GrantRecord): RefreshResult | undefined {
  const retryInMs = (grant.nextAttemptAtMs ?? 0) - grant.readAtMs;
  return retryInMs > 0 ? { outcome: 'backing_off', retryInMs } : undefined;
}

function leaseLeft(grant: GrantRecord): number {
  return (grant.leaseUntilMs ?? 0) - grant.readAtMs;
}
