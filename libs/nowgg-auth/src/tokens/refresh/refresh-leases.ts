import type { Leave } from '../../resilience/visitor.js';
import { type AttemptKey, type GrantRecord, isLive, type LeaseResult } from '../store/grant-record.js';
import type { ClientHistory } from '../calls/client-history.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';
import type { ClientStanding } from '../store/client-standing.js';
import { type ClientPermit, permitOf } from './client-permit.js';
import { askAgainInMs } from './refusal.js';
import type { RefreshResult, RefreshTimes } from './refresh-result.js';

const FIRST_GUESS_MS = 150;
const SHORTEST_PAUSE_MS = 10;
/** Weight of the newest observation. */
const SMOOTHING = 0.2;

/** A request for the lease of one refresh. */
export interface RefreshTurn {
  /** The grant as its caller read it. */
  readonly grant: GrantRecord;
  readonly key: AttemptKey;
  /** The history of the client secret that will be sent. */
  readonly history: ClientHistory;
  /** Above 0 for a background refresh, which waits for no other process. */
  readonly quietMs: number;
  /** Monotonic time at which the refresh began, in milliseconds. */
  readonly startedAt: number;
  readonly times: RefreshTimes;
}

/**
 * The lease of one refresh. `leave` must be called once, when the call is over. `client`: the standing of the client
 * before the call, if it was read.
 */
export type RefreshLease = Extract<LeaseResult, { outcome: 'acquired' }> & {
  readonly leave: Leave;
  readonly client: ClientStanding | undefined;
};

/**
 * Decides who may refresh: the circuit, the standing of the client secret, the limit of this process and the lease in the
 * store must agree.
 */
export class RefreshLeases {
  readonly #parts: TokenDependencies;
  readonly #stopping: AbortSignal;
  #usualCallMs = FIRST_GUESS_MS;

  /** @param stopping aborts when the process shuts down: no attempt waits for another process then */
  constructor(parts: TokenDependencies, stopping: AbortSignal) {
    this.#parts = parts;
    this.#stopping = stopping;
  }

  /**
   * Acquires the lease, waiting for another process that has it until the soft deadline.
   * @returns the result of the refresh when no call may be made; undefined when a background refresh gives way
   */
  async acquire(turn: RefreshTurn): Promise<RefreshLease | RefreshResult | undefined> {
    const { calls, timing, clock } = this.#parts;
    const waitUntil = turn.startedAt + timing.softDeadlineMs;
    for (;;) {
      const closedForMs = calls.closedForMs('refresh', turn.grant.clientKey);
      if (closedForMs > 0) return { outcome: 'circuit_open', retryInMs: closedForMs };
      const permit = await permitOf(turn.grant, turn.history, this.#parts.store, timing);
      if ('retryInMs' in permit) return postponed(turn.grant, permit.retryInMs);
      const lease = await this.#acquireWithPlace(turn, permit, waitUntil);
      if (!lease) return { outcome: 'overloaded', retryInMs: timing.failedRetryMs };
      turn.times.leaseWaitMs = clock.monotonicNow() - turn.startedAt;
      if (lease.outcome === 'backing_off') return backingOff(lease.grant);
      // A failover has brought an older row back since it was read: its token may be over.
      if (lease.outcome === 'adopted' && lease.grant.generation < turn.grant.generation) {
        return { outcome: 'backing_off', retryInMs: timing.failedRetryMs };
      }
      if (lease.outcome !== 'held') return lease;
      if (turn.quietMs > 0) return undefined;
      if (await this.#isReleased(lease.grant, waitUntil)) continue;
      turn.times.leaseWaitMs = clock.monotonicNow() - turn.startedAt;
      // A caller with time left may keep waiting after a timeout, but not in a process that is shutting down.
      const outcome = this.#stopping.aborted ? 'backing_off' : 'held';
      return { outcome, retryInMs: (lease.grant.leaseUntilMs ?? 0) - lease.grant.readAtMs };
    }
  }

  /** Updates the usual duration of a call with one of this process. */
  observe(callMs: number): void {
    this.#usualCallMs += SMOOTHING * (Math.min(callMs, this.#parts.timing.softDeadlineMs) - this.#usualCallMs);
  }

  /** Keeps the place only together with the lease. @returns undefined when there was no place in time */
  async #acquireWithPlace(
    { grant, key, history, quietMs }: RefreshTurn,
    { standing: client, pausesEndedAtMs }: Exclude<ClientPermit, { retryInMs: number }>,
    waitUntil: number,
  ): Promise<RefreshLease | Exclude<LeaseResult, { outcome: 'acquired' }> | undefined> {
    const { store, refreshPlaces, timing, clock } = this.#parts;
    const { leaseMs, lateReplyMs: takeoverLeaseMs } = timing;
    const waitMs = Math.max(0, waitUntil - clock.monotonicNow());
    const leave = await refreshPlaces.of(grant.clientKey).enter({}, waitMs);
    if (!leave) return undefined;
    let isKept = false;
    try {
      const { secret } = history.client;
      const request = { ...key, leaseMs, takeoverLeaseMs, quietMs, secret, pausesEndedAtMs };
      const lease = await store.acquireLease(request);
      if (lease.outcome !== 'acquired') return lease;
      isKept = true;
      return { ...lease, leave, client };
    } finally {
      if (!isKept) leave();
    }
  }

  /**
   * Polls the row of a lease that another process holds: first when the call has usually ended, then less and less
   * often.
   *
   * @param until monotonic time, in milliseconds
   * @returns true as soon as the lease is available or no longer needed, false when the time is up or the process stops
   */
  async #isReleased(held: GrantRecord, until: number): Promise<boolean> {
    const { store, clock, timing } = this.#parts;
    const runningMs = held.readAtMs - (held.attemptStartedAtMs ?? held.readAtMs);
    let pauseMs = Math.max(this.#usualCallMs - runningMs, SHORTEST_PAUSE_MS);
    for (let nextMs = 2 * SHORTEST_PAUSE_MS; ; nextMs = Math.min(2 * nextMs, timing.pollMs)) {
      const leftMs = until - clock.monotonicNow();
      if (leftMs <= 0 || this.#stopping.aborted) return false;
      await this.#pause(Math.min(pauseMs * (0.75 + Math.random() / 2), leftMs));
      const current = await store.findGrant(held.id);
      if (!current || current.generation !== held.generation || !isLeased(current)) return true;
      pauseMs = nextMs;
    }
  }

  async #pause(ms: number): Promise<void> {
    try {
      await this.#parts.clock.wait(ms, this.#stopping);
    } catch {
      // The process is stopping: the caller checks the signal.
    }
  }
}

/**
 * Result when another attempt was made a moment ago. Only a `nextAttemptAtMs` or the pause after a refusal, which bind
 * every caller, are reasons to send a waiting caller away.
 */
function backingOff(grant: GrantRecord): RefreshResult | undefined {
  const until = Math.max(grant.nextAttemptAtMs ?? 0, grant.refusal?.untilMs ?? 0);
  return until > grant.readAtMs ? postponed(grant, until - grant.readAtMs) : undefined;
}

function postponed(grant: GrantRecord, waitMs: number): RefreshResult {
  // Without a code, the grant is suspect because of tokens of another user.
  const isInDoubt = grant.state === 'suspect' && grant.failCode !== undefined;
  const retryInMs = isInDoubt ? askAgainInMs(grant.refusal, grant.readAtMs, waitMs) : waitMs;
  return { outcome: 'backing_off', retryInMs, isInDoubt };
}

function isLeased(grant: GrantRecord): boolean {
  return isLive(grant) && grant.leaseUntilMs !== undefined && grant.leaseUntilMs > grant.readAtMs;
}
