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
