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
