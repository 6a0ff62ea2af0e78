import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How long the event loop of this process was held up at most. */
export interface HeldUp {
  /** By the clock, in milliseconds: includes the time in which other programs had the processor. */
  readonly byClockMs: number;
  /** In processor time of the main thread, in milliseconds; undefined where the system does not tell it. */
  readonly byProcessorMs: number | undefined;
}

const EVERY_MS = 1;

/** Watches the event loop of this process. @returns a function that ends the watch */
export function watchEventLoop(): () => HeldUp {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  let [before, longest] = [processorTimeMs(), 0];
  const timer = setInterval(() => {
    const now = processorTimeMs();
    longest = Math.max(longest, now - before);
    before = now;
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    delay.disable();
    return { byClockMs: delay.max / 1e6, byProcessorMs: Number.isNaN(before) ? undefined : longest };
  };
}

/** Processor time of the main thread; NaN where Linux's accounting is not available. */
function processorTimeMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return Number.NaN;
  }
}
