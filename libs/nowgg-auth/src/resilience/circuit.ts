import type { NowggClock } from '../clock.js';
import { RollingWindow } from './rolling-window.js';

interface CircuitOptions {
  /** Minimum number of calls within the window before the circuit may open. */
  readonly openAfter: number;
  /** Length of the window over which failures are compared with calls, in milliseconds. */
  readonly windowMs: number;
  /** Pause before the first probe, in milliseconds; doubles with each failed probe. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** Called when the circuit opens and when it closes. */
  readonly onChange?: ((isOpen: boolean) => void) | undefined;
}

/** Share of the calls in the window that must have failed. */
const OPENS_AT = 0.9;
/** While the circuit is open, one call in this many passes even before the pause ends. */
const CALLS_PER_PROBE = 100;

/**
 * Circuit breaker for a system that does not answer. Opens when at least nine of ten calls in the window failed, or at
 * once when the system said how long to wait. While open, one call per pause or one of a hundred calls passes as a
 * probe, whichever is more; the first answer closes the circuit. The window outlives that: a system that fails in one
 * second and answers in the next fails half of its calls. Uses the module's clock, so that tests can move time.
 */
export class Circuit {
  readonly #clock: NowggClock;
  readonly #options: CircuitOptions;
  readonly #window: RollingWindow;
  #isOpen = false;
  #heldUntil = Number.NEGATIVE_INFINITY;
  #nextProbeAt = Number.NEGATIVE_INFINITY;
  #callsSinceProbe = 0;
  #isProbing = false;
  /** Calls that ended since the circuit closed: a late failure of a call sent before must not open it again. */
  #callsSinceClosed = 0;
  #pauseMs: number;

  constructor(clock: NowggClock, options: CircuitOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#window = new RollingWindow(options.windowMs);
    this.#pauseMs = options.firstPauseMs;
  }

  /**
   * Asks whether a call may pass.
   *
   * @returns 0 when it may, otherwise the milliseconds until the caller should ask again
   */
  enter(): number {
    const waitMs = this.closedForMs();
    if (waitMs > 0 || !this.#isOpen) return waitMs;
    this.#isProbing = true;
    this.#callsSinceProbe = 0;
    this.#nextProbeAt = this.#clock.monotonicNow() + this.#pauseMs;
    return 0;
  }

  /** Checks the circuit for a caller that calls {@link enter} a little later: 0 when a probe is due. */
  closedForMs(): number {
    if (!this.#isOpen) return 0;
    const now = this.#clock.monotonicNow();
    this.#callsSinceProbe += 1;
    const heldMs = this.#heldUntil - now;
    if (heldMs > 0) return heldMs;
    return this.#callsSinceProbe >= CALLS_PER_PROBE ? 0 : Math.max(0, this.#nextProbeAt - now);
  }

  /** Records an answer, whatever it said. One to a call sent before the system asked to wait does not end the wait. */
  answered(): void {
    this.#count(false);
    if (this.#isOpen && this.#heldUntil <= this.#clock.monotonicNow()) this.#close();
  }

  /** Records a call without an answer. */
  failed(): void {
    this.#count(true);
    const now = this.#clock.monotonicNow();
    if (this.#isOpen) this.#probeFailed();
    else if (this.#mustOpen(now)) this.#open(now + this.#pauseMs);
  }

  /** Opens the circuit because the system said how long to wait. */
  holdOff(ms: number): void {
    const now = this.#clock.monotonicNow();
    this.#heldUntil = now + ms;
    this.#open(now);
  }

  #count(isFailure: boolean): void {
    this.#window.add(isFailure, this.#clock.monotonicNow());
    this.#callsSinceClosed += 1;
  }

  #mustOpen(now: number): boolean {
    const { openAfter } = this.#options;
    const { hits, total } = this.#window.counts(now);
    return Math.min(total, this.#callsSinceClosed) >= openAfter && hits >= total * OPENS_AT;
  }

  /** Calls that were under way when the circuit opened fail too: only a probe lengthens the pause. */
  #probeFailed(): void {
    if (!this.#isProbing) return;
    this.#isProbing = false;
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#options.longestPauseMs);
    this.#nextProbeAt = this.#clock.monotonicNow() + this.#pauseMs;
  }

  #open(nextProbeAt: number): void {
    if (!this.#isOpen) this.#options.onChange?.(true);
    this.#isOpen = true;
    this.#isProbing = false;
    this.#callsSinceProbe = 0;
    this.#nextProbeAt = nextProbeAt;
  }

  #close(): void {
    this.#isOpen = false;
    this.#heldUntil = Number.NEGATIVE_INFINITY;
    this.#pauseMs = this.#options.firstPauseMs;
    this.#callsSinceClosed = 0;
    this.#options.onChange?.(false);
  }
}
