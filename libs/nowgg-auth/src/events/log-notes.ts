import { EventChannel } from './event-channel.js';

/** Severity of a line, from the least severe. */
export type NowggLogLevel = 'log' | 'warn' | 'error';

/** A line for the log. Contains no token, secret or player data. */
export interface LogNote {
  /** Lines of one kind are written at most once a minute. */
  readonly kind: string;
  readonly level: NowggLogLevel;
  readonly text: string;
}

const notes = new EventChannel<LogNote>('nestjs-nowgg-auth:log-notes');

/** Hands a line to the log. Costs nothing without one. */
export function noteInLog(note: () => LogNote): void {
  if (notes.isHeard) notes.publish(note());
}

export function watchLogNotes(watcher: (note: LogNote) => void): () => void {
  return notes.watch(watcher);
}
