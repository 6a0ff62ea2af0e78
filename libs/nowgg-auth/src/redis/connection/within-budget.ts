/** The outcome of an operation within its budget. */
export type Outcome<T> =
  | { readonly status: 'answered'; readonly value: T }
  | { readonly status: 'failed'; readonly error: unknown }
  | { readonly status: 'late' };

/**
 * Waits for an operation, but not longer than its budget, in real time as for every network call. The budget starts
 * when the event loop has sent the command, and a reply that has arrived when it ends still counts: a busy process must
 * not mistake its own delay for that of the server.
 */
export function withinBudget<T>(running: Promise<T>, budgetMs: number): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const start = setImmediate(() => {
      timer = setTimeout(() => setImmediate(() => resolve({ status: 'late' })), budgetMs);
    });
    const settle = (outcome: Outcome<T>) => {
      clearImmediate(start);
      clearTimeout(timer);
      resolve(outcome);
    };
    running.then(
      (value) => settle({ status: 'answered', value }),
      (error: unknown) => settle({ status: 'failed', error }),
    );
  });
}
