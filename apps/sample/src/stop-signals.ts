/** A second signal counts from then on, in milliseconds: npm passes the Ctrl-C on that the terminal has sent to all. */
const REPEATED_SIGNAL_MS = 1_000;
/** Time that a start may take to end after a signal, in milliseconds: a slow machine needs it for a new database. */
const START_GRACE_MS = 60_000;

/**
 * SIGINT and SIGTERM. The first one asks the app to close. A start that hangs does not listen: it is ended by the signal
 * itself, a minute later or at the second signal, and so is a close that hangs, at the second signal.
 */
export class StopSignals {
  /** Resolves at the first signal. */
  readonly requested: Promise<void>;
  #request: () => void = () => undefined;
  #requestedAt: number | undefined;
  #isStarted = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor() {
    this.requested = new Promise((resolve) => {
      this.#request = resolve;
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.#receive(signal));
  }

  get isRequested(): boolean {
    return this.#requestedAt !== undefined;
  }

  /** To be called when the start has succeeded or failed: closing takes the time that it takes. */
  startIsOver(): void {
    this.#isStarted = true;
    clearTimeout(this.#deadline);
  }

  #receive(signal: NodeJS.Signals): void {
    const now = performance.now();
    if (this.#requestedAt !== undefined) {
      if (now - this.#requestedAt >= REPEATED_SIGNAL_MS) this.#endProcess(signal);
      return;
    }
    this.#requestedAt = now;
    this.#request();
    if (!this.#isStarted) this.#deadline = setTimeout(() => this.#endProcess(signal), START_GRACE_MS);
  }

  /** Not `process.exit()`, which waits for threads that may hang as well. */
  #endProcess(signal: NodeJS.Signals): void {
    process.stderr.write('stopped before everything was closed\n');
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
}
