import { type BeforeApplicationShutdown, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import { securityNote, stateNote } from './event-texts.js';
import { type LogNote, type NowggLogLevel, watchLogNotes } from './log-notes.js';
import { RatedLines } from './rated-lines.js';
import { watchSecurityEvents } from './security-events.js';
import { watchStates } from './state-events.js';

/** The methods of Nest's `Logger` that the log uses. */
export type LogSink = Pick<Logger, NowggLogLevel>;

/** `logging` of the options: the least severe lines that are written, or false for none. */
export type ResolvedLogging = false | { readonly level: NowggLogLevel };

const SEVERITY: Readonly<Record<NowggLogLevel, number>> = { log: 0, warn: 1, error: 2 };
/** Most lines that wait for the start of the application. */
const MOST_EARLY = 100;

/** The logs that have started, in order. Only the first writes, so that several modules in a process write a line once. */
const started = new Set<NowggLog>();

/**
 * Writes events to Nest's log under the context `NowggAuth`: at most one line a minute and kind, each with the number of
 * events without a line. Applications that need every event subscribe to the channels.
 */
export class NowggLog implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #sink: LogSink;
  readonly #lines: RatedLines;
  readonly #early: LogNote[] = [];
  readonly #endWatches: readonly (() => void)[];
  #logging: ResolvedLogging = { level: 'log' };

  constructor(clock: NowggClock, sink: LogSink = new Logger('NowggAuth')) {
    this.#sink = sink;
    this.#lines = new RatedLines(clock, (level, text) => this.write(level, text));
    // Before the options are read: what is found in them is written too.
    this.#endWatches = [
      watchSecurityEvents((event) => this.#note(securityNote(event))),
      watchStates((event) => this.#note(stateNote(event))),
      watchLogNotes((note) => this.#note(note)),
    ];
  }

  configure(logging: ResolvedLogging): void {
    this.#logging = logging;
  }

  onModuleInit(): void {
    started.add(this);
    for (const note of this.#early.splice(0)) this.#note(note);
  }

  /** Writes the counts of lines that were left out. */
  beforeApplicationShutdown(): void {
    this.#lines.flush();
  }

  onApplicationShutdown(): void {
    this.close();
  }

  /** Ends the log. Nothing is written afterwards. */
  close(): void {
    for (const end of this.#endWatches) end();
    this.#lines.close();
    started.delete(this);
  }

  /** Writes a line at once, if its level is wanted. */
  write(level: NowggLogLevel, text: string): void {
    if (this.#logging === false || SEVERITY[level] < SEVERITY[this.#logging.level]) return;
    this.#sink[level](text);
  }

  #note(note: LogNote): void {
    const [first] = started;
    if (started.has(this)) {
      if (first === this) this.#lines.say(note);
    } else if (this.#early.length < MOST_EARLY) this.#early.push(note);
  }
}
