import type { NowggClock } from '../../clock.js';
import { Progress, type Terminal } from './progress.js';

/** The surroundings of work that takes long. */
export interface LongWork {
  readonly clock: NowggClock;
  readonly terminal: Terminal;
  /** Aborted when the command must end after its current batch; used by commands that have batches. */
  readonly interruption: () => AbortSignal;
}

/** Runs long work with progress, and ends it after its current batch when the process is told to end. */
export async function atLength<T>(
  { terminal, clock, interruption }: LongWork,
  about: { readonly command: string; readonly total: number; readonly json: boolean },
  work: (onProgress: (done: number) => void, signal: AbortSignal) => Promise<T>,
): Promise<{ report: T; interrupted: boolean; seconds: number }> {
  const progress = new Progress(terminal, clock, about);
  const signal = interruption();
  const startedAt = clock.monotonicNow();
  try {
    const report = await work((done) => progress.tell(done), signal);
    const seconds = Math.round(clock.monotonicNow() - startedAt) / 1000;
    return { report, interrupted: signal.aborted, seconds };
  } finally {
    progress.end();
  }
}
