/** Time as the client sees it; tests hand in their own. */
export interface SessionClock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls back once after so many milliseconds. @returns a function that calls it off */
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

/** Whatever comes first: what the promise brings, or `undefined` when so many milliseconds have passed. */
export async function within<T>(clock: SessionClock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  let cancel: (() => void) | undefined;
  const passed = new Promise<undefined>((resolve) => {
    cancel = clock.after(ms, () => resolve(undefined));
  });
  return Promise.race([promise, passed]).finally(cancel);
}
