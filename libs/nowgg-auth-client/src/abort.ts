/**
 * Waits for work that others wait for too: an abort ends the waiting, never the work.
 * @throws the signal's reason when it is aborted first
 */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return work;
  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop);
    // Not thrown before the race: work that fails with nobody watching would be an unhandled rejection.
    if (signal.aborted) stop();
  });
  return Promise.race([aborted, work]).finally(() => signal.removeEventListener('abort', stop));
}
