import type { NowggClock } from '../../clock.js';
import type { TokenOutcome } from '../../identity/identity-provider.js';
import { Circuit } from '../../resilience/circuit.js';

interface ClientCircuit {
  readonly circuit: Circuit;
  /** Pause after the last refusal of the client, in milliseconds; 0 when it was not refused. */
  refusedPauseMs: number;
}

const SILENCE = { openAfter: 5, windowMs: 30_000, firstPauseMs: 1_000, longestPauseMs: 1_000 };
const LONGEST_MS = 60_000;
const FIRST_REFUSED_MS = 10_000;

/**
 * Circuits for token endpoints that are busy, silent or refuse the client, for each client and kind of grant
 * separately. A circuit says nothing about any grant. It opens at once when the endpoint says to retry later or refuses
 * the client, and by the ratio of unanswered calls.
 */
export class ClientCircuits {
  readonly #clock: NowggClock;
  readonly #byKey = new Map<string, ClientCircuit>();

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  /** Time during which no call may be made, in milliseconds; 0 when one may. */
  closedForMs(key: string): number {
    return this.#byKey.get(key)?.circuit.closedForMs() ?? 0;
  }

  /**
   * Returns the time as {@link closedForMs} does, for a caller that makes the call at once: while the circuit is open,
   * the call may be a probe.
   */
  enter(key: string): number {
    return this.#byKey.get(key)?.circuit.enter() ?? 0;
  }

  report(key: string, outcome: TokenOutcome): void {
    const known = this.#of(key);
    switch (outcome.status) {
      case 'tokens':
      case 'refused':
        known.refusedPauseMs = 0;
        known.circuit.answered();
        return;
      case 'busy':
        known.circuit.holdOff(Math.min(Math.max(outcome.retryAfterMs ?? SILENCE.firstPauseMs, 0), LONGEST_MS));
        return;
      case 'client_refused':
        known.refusedPauseMs = Math.min(Math.max(known.refusedPauseMs * 2, FIRST_REFUSED_MS), LONGEST_MS);
        known.circuit.holdOff(known.refusedPauseMs);
        return;
      default:
        known.circuit.failed();
    }
  }

  #of(key: string): ClientCircuit {
    const known = this.#byKey.get(key) ?? { circuit: new Circuit(this.#clock, SILENCE), refusedPauseMs: 0 };
    this.#byKey.set(key, known);
    return known;
  }
}
