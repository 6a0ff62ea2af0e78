import type { NowggClock } from '../clock.js';
import { EventChannel } from './event-channel.js';

/**
 * States of this process that an operator should know of.
 * - `identity_unavailable`: calls to an identity system fail. `detail` names the kind of call and the cause.
 * - `circuit_open`: no calls are sent to an identity system, except for probes. `detail` names the kind of call.
 * - `store_unavailable`: the application's own database does not answer, or refuses. `detail` is an SQLSTATE or the code
 *   of a network error.
 * - `shared_cache_unavailable`: Redis cannot be reached or does not answer in time, so processes share no verdicts.
 * - `unsaved_tokens`: token sets were received and could not be stored yet; only this process has them.
 * - `calls_refused`: verifications are not sent because a limit is reached. `detail` names it: `overloaded`
 *   (`maxInFlight`), `over_rate` (`rate`) or `over_budget` (`budget`).
 * - `grants_lapsing`: idle grants could not be renewed, and their refresh tokens lapse. `detail` says how soon the first one
 *   does: `in 3 days`.
 */
export type NowggStateType =
  | 'identity_unavailable'
  | 'circuit_open'
  | 'store_unavailable'
  | 'shared_cache_unavailable'
  | 'unsaved_tokens'
  | 'calls_refused'
  | 'grants_lapsing';

/** The begin or the end of a state of this process. Contains no token, secret, address or player data. */
export interface NowggStateEvent {
  readonly type: NowggStateType;
  readonly state: 'begun' | 'over';
  /** Name of the identity provider. Absent when the state concerns no provider. */
  readonly provider?: string | undefined;
  /** Fixed text or the code of an error. */
  readonly detail?: string | undefined;
  /** With `over`: how long the state lasted, in milliseconds. */
  readonly lastedMs?: number | undefined;
}

/** A state that has begun and is not over. `detail` is that of the last failure. */
export interface NowggActiveState extends Pick<NowggStateEvent, 'type' | 'provider' | 'detail'> {
  /** How long it has lasted, in milliseconds. */
  readonly lastedMs: number;
}

/** Name of the `node:diagnostics_channel` on which {@link NowggStateEvent} objects are published. */
export const NOWGG_STATE_CHANNEL = 'nestjs-nowgg-auth:states';

const stateChannel = new EventChannel<NowggStateEvent>(NOWGG_STATE_CHANNEL);
const active = new Set<TrackedState>();

export function watchStates(watcher: (event: NowggStateEvent) => void): () => void {
  return stateChannel.watch(watcher);
}

/** The states of this process that have begun and are not over, of all modules. */
export function activeStates(): readonly NowggActiveState[] {
  return [...active].map((state) => state.read());
}

/** One state. Publishes one event when it begins and one when it is over. */
export class TrackedState {
  readonly #clock: NowggClock;
  readonly #about: Pick<NowggStateEvent, 'type' | 'provider'>;
  #detail: string | undefined;
  /** That of the last failure, for those who ask how things are now. */
  #latest: string | undefined;
  #begunAtMs: number | undefined;

  constructor(clock: NowggClock, type: NowggStateType, provider?: string) {
    this.#clock = clock;
    this.#about = { type, ...(provider !== undefined && { provider }) };
  }

  get isActive(): boolean {
    return this.#begunAtMs !== undefined;
  }

  /** @param detail fixed text or the code of an error. Events keep that of the first call until the state is over */
  begin(detail?: string): void {
    this.#latest = detail;
    if (this.#begunAtMs !== undefined) return;
    this.#begunAtMs = this.#clock.monotonicNow();
    this.#detail = detail;
    active.add(this);
    stateChannel.publish({ ...this.#told, state: 'begun' });
  }

  end(): void {
    if (this.#begunAtMs === undefined) return;
    const { lastedMs } = this.read();
    this.drop();
    stateChannel.publish({ ...this.#told, state: 'over', lastedMs });
  }

  /** Forgets the state without an event: what it is about has been closed. */
  drop(): void {
    this.#begunAtMs = undefined;
    active.delete(this);
  }

  /** The state now, with the detail of its last failure. */
  read(): NowggActiveState {
    const begunAtMs = this.#begunAtMs ?? this.#clock.monotonicNow();
    const lastedMs = Math.max(0, this.#clock.monotonicNow() - begunAtMs);
    return { ...this.#about, ...(this.#latest !== undefined && { detail: this.#latest }), lastedMs };
  }

  get #told(): Pick<NowggStateEvent, 'type' | 'provider' | 'detail'> {
    return { ...this.#about, ...(this.#detail !== undefined && { detail: this.#detail }) };
  }
}

/** Time without a failure after which a success ends a state, in milliseconds. */
const SETTLED_MS = 5_000;

/**
 * A state that begins with a failure, and is over with the first success five seconds after the last failure: while some
 * attempts fail and others succeed it lasts.
 */
export class FailureState {
  readonly #clock: NowggClock;
  readonly #state: TrackedState;
  #failedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: NowggClock, type: NowggStateType, provider?: string) {
    this.#clock = clock;
    this.#state = new TrackedState(clock, type, provider);
  }

  failed(detail?: string): void {
    this.#failedAtMs = this.#clock.monotonicNow();
    this.#state.begin(detail);
  }

  succeeded(): void {
    if (this.#state.isActive && this.#clock.monotonicNow() - this.#failedAtMs >= SETTLED_MS) this.#state.end();
  }

  /** Ends the state at once: the reason for it is known to be gone. */
  end(): void {
    this.#state.end();
  }

  drop(): void {
    this.#state.drop();
  }
}

/** Follows a circuit to an identity system: begins when it opens, is over when it closes. */
export function circuitState(clock: NowggClock, provider: string, operation: string): (isOpen: boolean) => void {
  const state = new TrackedState(clock, 'circuit_open', provider);
  return (isOpen) => (isOpen ? state.begin(operation) : state.end());
}
