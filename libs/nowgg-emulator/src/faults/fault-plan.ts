import { isDeepStrictEqual } from 'node:util';
import type { EndpointName, Fault, HoldFault, LatencyFault } from './fault.js';

/** The call to find faults for. */
export interface FaultyCall {
  readonly endpoint: EndpointName;
  readonly grantType?: string | undefined;
  /** The player whose code or token the call presents. */
  readonly userId?: string | undefined;
}

/** The faults that apply to one call: at most one of each. */
export interface PlannedFaults {
  readonly latency: LatencyFault | undefined;
  readonly hold: HoldFault | undefined;
  readonly effect: Exclude<Fault, LatencyFault | HoldFault> | undefined;
}

interface PlannedFault {
  readonly fault: Fault;
  /** Infinite for a standing fault. */
  callsLeft: number;
  /** Calls so far to which the fault could have applied. */
  seen: number;
}

/**
 * The faults in force. Counted ones are used first, in the order in which they were set, before any standing one. A
 * standing fault replaces the standing one for the same calls; latencies and holds apply in addition to the others.
 */
export class FaultPlan {
  #counted: PlannedFault[] = [];
  #standing: PlannedFault[] = [];
  #held: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.#counted.length === 0 && this.#standing.length === 0;
  }

  /** Whether a fault is limited to a player, so that the player of a call has to be known. */
  get namesPlayers(): boolean {
    return [...this.#counted, ...this.#standing].some(({ fault }) => fault.userId !== undefined);
  }

  /** The faults still in force, counted ones with their remaining calls. */
  list(): readonly Fault[] {
    const counted = this.#counted.map(({ fault, callsLeft }) => ({ ...fault, count: callsLeft }));
    return [...counted, ...this.#standing.map(({ fault }) => fault)];
  }

  set(fault: Fault): void {
    if (fault.count !== undefined) {
      this.#counted.push({ fault, callsLeft: fault.count, seen: 0 });
      return;
    }
    this.#standing = this.#standing.filter((other) => !isSamePlace(fault, other.fault));
    this.#standing.push({ fault, callsLeft: Number.POSITIVE_INFINITY, seen: 0 });
  }

  /** Takes the faults for this call; counted ones have one call less afterwards. */
  take(call: FaultyCall): PlannedFaults {
    const find = (role: Role): Fault | undefined => {
      for (const planned of [...this.#counted, ...this.#standing.toReversed()]) {
        const { fault } = planned;
        if (roleOf(fault) !== role || !meetsCall(fault, call)) continue;
        planned.seen += 1;
        if (planned.seen % (fault.every ?? 1) !== 0) continue;
        planned.callsLeft -= 1;
        return fault;
      }
      return undefined;
    };
    const planned = { latency: find('latency'), hold: find('hold'), effect: find('effect') } as PlannedFaults;
    this.#counted = this.#counted.filter(({ callsLeft }) => callsLeft > 0);
    return planned;
  }

  /** Resolves at the next {@link releaseHeld}. */
  hold(): Promise<void> {
    return new Promise((resolve) => this.#held.push(resolve));
  }

  /** Number of calls that a `hold` keeps waiting. */
  get heldCount(): number {
    return this.#held.length;
  }

  /** Releases the calls that a `hold` keeps waiting; later calls are held again. */
  releaseHeld(): void {
    const held = this.#held;
    this.#held = [];
    for (const release of held) release();
  }

  /** Ends the faults that are equal to this one, whatever their counts. Returns whether there was one. */
  remove(fault: Fault): boolean {
    const before = this.#counted.length + this.#standing.length;
    const differs = (other: Fault) => !isDeepStrictEqual(withoutCount(fault), withoutCount(other));
    this.#counted = this.#counted.filter((planned) => differs(planned.fault));
    this.#standing = this.#standing.filter((planned) => differs(planned.fault));
    const removed = this.#counted.length + this.#standing.length < before;
    if (removed && fault.kind === 'hold') this.releaseHeld();
    return removed;
  }

  clear(): void {
    this.#counted = [];
    this.#standing = [];
    this.releaseHeld();
  }
}

const withoutCount = ({ count: _count, ...fault }: Fault) => fault;

type Role = keyof PlannedFaults;

const roleOf = ({ kind }: Fault): Role => (kind === 'latency' || kind === 'hold' ? kind : 'effect');

function meetsCall(fault: Fault, { endpoint, grantType, userId }: FaultyCall): boolean {
  const { endpoint: target = '*' } = fault;
  if (target !== '*' && target !== endpoint) return false;
  if (fault.userId !== undefined && fault.userId !== userId) return false;
  return fault.grantType === undefined || (endpoint === 'token' && fault.grantType === grantType);
}

function isSamePlace(one: Fault, other: Fault): boolean {
  return (
    roleOf(one) === roleOf(other) &&
    (one.endpoint ?? '*') === (other.endpoint ?? '*') &&
    one.grantType === other.grantType &&
    one.userId === other.userId
  );
}
