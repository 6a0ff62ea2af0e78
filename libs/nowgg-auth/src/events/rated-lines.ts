import { setMaxListeners } from 'node:events';
import type { NowggClock } from '../clock.js';
import type { LogNote, NowggLogLevel } from './log-notes.js';

/** Minimum time between two lines of one kind, in milliseconds. */
const QUIET_MS = 60_000;

/** What is known of one kind of line. */
interface Kind {
  saidAtMs: number;
  /** Lines that were left out since. */
  suppressed: number;
  /** The last of them. */
  last: LogNote | undefined;
}

/**
 * Writes at most one line a minute and kind. When lines were left out, the last of them is written at the end of the
 * minute with their number, so that the last line of a kind is never missing.
 */
export class RatedLines {
  readonly #clock: NowggClock;
  readonly #write: (level: NowggLogLevel, text: string) => void;
  readonly #kinds = new Map<string, Kind>();
  readonly #closing = new AbortController();

  constructor(clock: NowggClock, write: (level: NowggLogLevel, text: string) => void) {
    this.#clock = clock;
    this.#write = write;
    // One wait for each kind of line.
    setMaxListeners(0, this.#closing.signal);
  }

  say(note: LogNote): void {
    const known = this.#kinds.get(note.kind);
    const now = this.#clock.monotonicNow();
    if (known && now - known.saidAtMs < QUIET_MS) {
      known.suppressed += 1;
      known.last = note;
      if (known.suppressed === 1) void this.#sayLater(known, known.saidAtMs + QUIET_MS - now);
      return;
    }
    const more = known?.suppressed ?? 0;
    this.#kinds.set(note.kind, { saidAtMs: now, suppressed: 0, last: undefined });
    if (known) known.suppressed = 0;
    this.#tell(note, more);
  }

  /** Writes at once what was left out. */
  flush(): void {
    for (const kind of this.#kinds.values()) this.#sayLast(kind);
  }

  close(): void {
    this.#closing.abort();
  }

  async #sayLater(kind: Kind, waitMs: number): Promise<void> {
    try {
      await this.#clock.wait(waitMs, this.#closing.signal);
    } catch {
      return;
    }
    this.#sayLast(kind);
  }

  #sayLast(kind: Kind): void {
    const { last, suppressed } = kind;
    if (suppressed === 0 || !last) return;
    kind.suppressed = 0;
    kind.saidAtMs = this.#clock.monotonicNow();
    this.#tell(last, suppressed - 1);
  }

  #tell({ level, text }: LogNote, more: number): void {
    this.#write(level, more === 0 ? text : `${text} (and ${more} more since the last line)`);
  }
}
