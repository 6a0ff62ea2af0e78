/** The client's source of time. Tests pass their own. */
export interface SessionClock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `callback` once after `ms` milliseconds. @returns a function that cancels the call */
  after(ms: number, callback: () => void): () => void;
}

/** The machine's clock. */
export const systemClock: SessionClock = {
  now: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** The result of the promise, or `undefined` if `ms` milliseconds pass first. */
export async function within<T>(clock: SessionClock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  let cancel: (() => void) | undefined;
  const passed = new Promise<undefined>((resolve) => {
    cancel = clock.after(ms, () => resolve(undefined));
  });
  return Promise.race([promise, passed]).finally(cancel);
}

/**
 * Waits for work that other callers may also wait for. An abort ends this wait, never the work.
 * @throws the signal's reason when it is aborted first
 */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return work;
  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop);
    // Not thrown before the race: the work would then have no handler, and its failure would be an unhandled rejection.
    if (signal.aborted) stop();
  });
  return Promise.race([aborted, work]).finally(() => signal.removeEventListener('abort', stop));
}
