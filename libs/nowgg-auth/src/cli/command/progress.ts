import type { NowggClock } from '../../clock.js';

/** The output of a command. */
export interface Terminal {
  print(text: string): void;
  complain(text: string): void;
  /** Whether a person reads `complain` at a terminal, where a line can be overwritten. */
  readonly overwrites: boolean;
}

const CLEAR_LINE = '\r\u001B[2K';

/** Reports the progress of long work, often enough to be seen and seldom enough not to be in the way. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #clock: NowggClock;
  readonly #command: string;
  readonly #total: number;
  readonly #json: boolean;
  readonly #startedAt: number;
  readonly #everyMs: number;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(
    terminal: Terminal,
    clock: NowggClock,
    { command, total, json }: { readonly command: string; readonly total: number; readonly json: boolean },
  ) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#command = command;
    this.#total = total;
    this.#json = json;
    this.#startedAt = clock.monotonicNow();
    this.#everyMs = json ? 1_000 : terminal.overwrites ? 100 : 5_000;
  }

  tell(done: number): void {
    const now = this.#clock.monotonicNow();
    if (now - this.#toldAt < this.#everyMs) return;
    this.#toldAt = now;
    // The application keeps running: there may be more to do than there was at first.
    const total = Math.max(done, this.#total);
    if (this.#json) {
      const progress = { command: this.#command, done, total };
      this.#terminal.complain(`${JSON.stringify({ progress })}\n`);
      return;
    }
    const perSecond = Math.round((done * 1000) / Math.max(now - this.#startedAt, 1));
    const name = this.#command.includes(' ') ? this.#command : `vault ${this.#command}`;
    const line = `${name}: ${done} of ${total} rows, ${perSecond} a second`;
    this.#terminal.complain(this.#overwrites ? `${CLEAR_LINE}${line}` : `${line}\n`);
  }

  /** Clears the current line. */
  end(): void {
    if (this.#overwrites && Number.isFinite(this.#toldAt)) this.#terminal.complain(CLEAR_LINE);
  }

  get #overwrites(): boolean {
    return this.#terminal.overwrites && !this.#json;
  }
}
