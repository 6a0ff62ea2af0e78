import { isDeepStrictEqual } from 'node:util';
import type { EndpointName, Fault, LatencyFault } from './fault.js';

/** The faults that apply to one call: a delay, and at most one other. */
export interface PlannedFaults {
  readonly latency: LatencyFault | undefined;
  readonly effect: Exclude<Fault, LatencyFault> | undefined;
}

interface PlannedFault {
  readonly fault: Fault;
  callsLeft: number;
}

/**
 * The faults in force. Counted ones are used first, in the order in which they were set, before any standing one. A
 * standing fault replaces the standing one with the same endpoint and grant type; latencies apply in addition to the
 * others.
 */
export class FaultPlan {
  #counted: PlannedFault[] = [];
  #standing: Fault[] = [];
  #held: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.#counted.length === 0 && this.#standing.length === 0;
  }

  /** The faults still in force, counted ones with their remaining calls. */
  list(): readonly Fault[] {
    return [...this.#counted.map(({ fault, callsLeft }) => ({ ...fault, count: callsLeft })), ...this.#standing];
  }

  set(fault: Fault): void {
    if (fault.count !== undefined) {
      this.#counted.push({ fault, callsLeft: fault.count });
      return;
    }
    this.#standing = this.#standing.filter((other) => !isSamePlace(fault, other));
    this.#standing.push(fault);
  }

  /** Takes the faults for this call; counted ones have one call less afterwards. */
  take(endpoint: EndpointName, grantType: string | undefined): PlannedFaults {
    const meets = (fault: Fault) => meetsCall(fault, endpoint, grantType);
    const find = (isLatency: boolean): Fault | undefined => {
      const fits = (fault: Fault) => (fault.kind === 'latency') === isLatency && meets(fault);
      const counted = this.#counted.find(({ fault }) => fits(fault));
      if (!counted) return this.#standing.findLast(fits);
      counted.callsLeft -= 1;
      return counted.fault;
    };
    const planned = { latency: find(true), effect: find(false) } as PlannedFaults;
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
    this.#standing = this.#standing.filter(differs);
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

function meetsCall(fault: Fault, endpoint: EndpointName, grantType: string | undefined): boolean {
  const { endpoint: target = '*' } = fault;
  if (target !== '*' && target !== endpoint) return false;
  return fault.grantType === undefined || (endpoint === 'token' && fault.grantType === grantType);
}

function isSamePlace(one: Fault, other: Fault): boolean {
  return (
    (one.kind === 'latency') === (other.kind === 'latency') &&
    (one.endpoint ?? '*') === (other.endpoint ?? '*') &&
    one.grantType === other.grantType
  );
}
