import type { NowggClock } from '../../clock.js';
import type { IdentityProvider, TokenOutcome } from '../../identity/identity-provider.js';
import { circuitState } from '../../events/state-events.js';
import { Circuit } from '../../resilience/circuit.js';
import type { ClientEvidences } from '../../verification/evidence/client-evidence.js';
import type { TokensTiming } from './refresh-timing.js';

/** Number of times that a call that was certainly not sent is tried again. */
const RESENDS = 2;

/** The purpose of a call to a token endpoint. */
export type TokenCallPurpose = 'code' | 'refresh';

export interface TokenCall {
  readonly purpose: TokenCallPurpose;
  readonly provider: IdentityProvider;
  readonly send: (signal: AbortSignal) => Promise<TokenOutcome>;
  /** Whether the same request may be sent once more when the outcome of the first is unknown. */
  readonly replays: boolean;
}

/** The final outcome of a call, and whether an earlier try of the same call is in doubt. */
export interface TokenCallResult {
  readonly outcome: TokenOutcome;
  readonly earlierInDoubt: boolean;
}

/**
 * Calls token endpoints for the holders of leases. A call that was not sent is sent again twice, a call in doubt is
 * replayed once. Each call is evidence for its client's circuit and credentials.
 */
export class TokenCalls {
  readonly #clock: NowggClock;
  readonly #circuits: ClientCircuits;
  readonly #evidence: ClientEvidences;
  readonly #timing: TokensTiming;

  readonly #givenUp: AbortSignal;

  /** @param givenUp aborts when the process shuts down: calls in progress end, and no other begins */
  constructor(clock: NowggClock, evidence: ClientEvidences, timing: TokensTiming, givenUp: AbortSignal) {
    this.#clock = clock;
    this.#circuits = new ClientCircuits(clock);
    this.#evidence = evidence;
    this.#timing = timing;
    this.#givenUp = givenUp;
  }

  /** Time during which no call may be made, in milliseconds; 0 when one may. */
  closedForMs(purpose: TokenCallPurpose, clientKey: string): number {
    return this.#circuits.closedForMs(circuitKey(purpose, clientKey));
  }

  /** Returns the time as {@link closedForMs} does, for a caller that makes the call at once. */
  enter(purpose: TokenCallPurpose, clientKey: string): number {
    return this.#circuits.enter(circuitKey(purpose, clientKey));
  }

  /** Whether no call may be made because the identity system refused the client, and not because of an outage. */
  refusesClient(purpose: TokenCallPurpose, clientKey: string): boolean {
    return this.#circuits.refusesClient(circuitKey(purpose, clientKey));
  }

  /** Makes the call. Never throws because of the provider. */
  async call({ purpose, provider, send, replays }: TokenCall): Promise<TokenCallResult> {
    const { leaseMs, resendMs } = this.#timing;
    const evidence = this.#evidence.of(provider.name);
    const left = evidence.sent();
    const startedAt = this.#clock.monotonicNow();
    // Later, another process may hold the lease by the time this try ends, and would send once more. Checked again after
    // each pause, because a process may have been frozen in it.
    const mayRepeat = () => !this.#givenUp.aborted && this.#clock.monotonicNow() - startedAt < leaseMs / 2;
    let outcome: TokenOutcome;
    let earlierInDoubt = false;
    for (let resends = 0; ; ) {
      outcome = await this.#send(send);
      // A call that this process gave up says nothing about the endpoint.
      if (!this.#givenUp.aborted) {
        this.#circuits.report(circuitKey(purpose, provider.clientKey), outcome, { purpose, provider: provider.name });
      }
      const resend = outcome.status === 'not_sent' && !isUndecided(outcome) && resends < RESENDS;
      const replay: boolean = outcome.status === 'in_doubt' && replays && !earlierInDoubt;
      if (!(resend || replay) || !mayRepeat()) break;
      if (resend) resends += 1;
      await this.#clock.wait(Math.random() * resendMs * 2 ** resends);
      if (!mayRepeat()) break;
      earlierInDoubt ||= replay;
    }
    if (outcome.status === 'tokens') evidence.tokensIssued(left);
    return { outcome, earlierInDoubt };
  }

  /** Sends the call until a late reply is no longer accepted, or until the process has waited as long as it may. */
  async #send(send: TokenCall['send']): Promise<TokenOutcome> {
    if (this.#givenUp.aborted) return { status: 'not_sent', reason: 'overloaded' };
    const call = new AbortController();
    const end = () => call.abort();
    // Real time on purpose: the deadline is the socket's. No caller waits this long; the late response is stored. A process
    // that stood still finds its timers due before it reads its sockets: a reply that is there already is read first.
    const tooLate = setTimeout(() => setImmediate(end), this.#timing.lateReplyMs).unref();
    this.#givenUp.addEventListener('abort', end, { once: true });
    try {
      return await answerOf(send, call.signal);
    } finally {
      clearTimeout(tooLate);
      this.#givenUp.removeEventListener('abort', end);
    }
  }
}

/** A provider reports by value. One that throws may still have sent the request, and its error is not passed on. */
async function answerOf(send: TokenCall['send'], signal: AbortSignal): Promise<TokenOutcome> {
  try {
    return await send(signal);
  } catch {
    return { status: 'in_doubt', reason: 'invalid_response' };
  }
}

/** Whether the endpoint refused the call and it is not known whether our secret is the reason. */
function isUndecided(outcome: TokenOutcome): boolean {
  return outcome.status === 'not_sent' && outcome.reason === 'own_credentials_suspect';
}

/** The key of a client's circuit for this purpose: the outcome of codes says nothing about refreshes. */
export function circuitKey(purpose: TokenCallPurpose, clientKey: string): string {
  return `${purpose}:${clientKey}`;
}

interface CircuitOwner {
  readonly provider: string;
  readonly purpose: TokenCallPurpose;
}

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

  /** Whether the last answer was a refusal of the client. */
  refusesClient(key: string): boolean {
    return (this.#byKey.get(key)?.refusedPauseMs ?? 0) > 0;
  }

  /** @param about whose circuit it is, for the event when it opens. Default: no event */
  report(key: string, outcome: TokenOutcome, about?: CircuitOwner): void {
    const known = this.#of(key, about);
    if (isUndecided(outcome)) return known.circuit.answered();
    switch (outcome.status) {
      case 'tokens':
      case 'refused':
      case 'misconfigured':
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

  #of(key: string, about: CircuitOwner | undefined): ClientCircuit {
    const known = this.#byKey.get(key);
    if (known) return known;
    const onChange = about && circuitState(this.#clock, about.provider, about.purpose);
    const created = { circuit: new Circuit(this.#clock, { ...SILENCE, onChange }), refusedPauseMs: 0 };
    this.#byKey.set(key, created);
    return created;
  }
}
