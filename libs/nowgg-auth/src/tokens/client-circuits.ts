import type { NowggClock } from '../clock.js';
import type { TokenOutcome } from '../identity/identity-provider.js';

interface Circuit {
  failures: number;
  openUntil: number;
  lastPauseMs: number;
}

const FAILURES_TO_OPEN = 5;
const LONGEST_MS = 60_000;
const SILENCE = { firstMs: 1_000, longestMs: 30_000 };
const CLIENT_REFUSED = { firstMs: 10_000, longestMs: LONGEST_MS };
/** How long a single probe keeps the others out at most. */
const PROBE_MS = 5_000;

/**
 * Spares a token endpoint that is busy, silent or refuses our client, for each client by itself. Says nothing about any
 * grant. Opens at once when we are told to come back later or the client is refused, and after five silences in a row;
 * then one probe at a time.
 */
export class ClientCircuits {
  readonly #clock: NowggClock;
  readonly #byClient = new Map<string, Circuit>();

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  /** How long nobody may ask, milliseconds; 0 when somebody may. */
  closedForMs(clientKey: string): number {
    return Math.max(0, (this.#byClient.get(clientKey)?.openUntil ?? 0) - this.#clock.monotonicNow());
  }

  /** The same for a caller who asks at once if he may: while the circuit is on trial he is its only probe. */
  enter(clientKey: string): number {
    const closedForMs = this.closedForMs(clientKey);
    const circuit = this.#byClient.get(clientKey);
    if (closedForMs === 0 && circuit && circuit.openUntil > 0) {
      circuit.openUntil = this.#clock.monotonicNow() + PROBE_MS;
    }
    return closedForMs;
  }

  report(clientKey: string, outcome: TokenOutcome): void {
    switch (outcome.status) {
      case 'tokens':
      case 'refused':
        this.#byClient.delete(clientKey);
        return;
      case 'busy':
        this.#open(clientKey, Math.min(Math.max(outcome.retryAfterMs ?? SILENCE.firstMs, 0), LONGEST_MS));
        return;
      case 'client_refused':
        this.#open(clientKey, this.#longer(clientKey, CLIENT_REFUSED));
        return;
      default:
        this.#silence(clientKey);
    }
  }

  #silence(clientKey: string): void {
    const circuit = this.#circuit(clientKey);
    circuit.failures += 1;
    if (circuit.failures >= FAILURES_TO_OPEN) this.#open(clientKey, this.#longer(clientKey, SILENCE));
  }

  #longer(clientKey: string, { firstMs, longestMs }: { firstMs: number; longestMs: number }): number {
    const { lastPauseMs } = this.#circuit(clientKey);
    return Math.min(Math.max(lastPauseMs * 2, firstMs), longestMs);
  }

  #open(clientKey: string, pauseMs: number): void {
    const circuit = this.#circuit(clientKey);
    circuit.lastPauseMs = pauseMs;
    circuit.openUntil = this.#clock.monotonicNow() + pauseMs;
  }

  #circuit(clientKey: string): Circuit {
    const known = this.#byClient.get(clientKey) ?? { failures: 0, openUntil: 0, lastPauseMs: 0 };
    this.#byClient.set(clientKey, known);
    return known;
  }
}
