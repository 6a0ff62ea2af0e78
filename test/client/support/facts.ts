import type { World } from './world.js';

/** What must hold, by its name. */
export type Facts = Readonly<Record<string, (world: World) => Promise<void>>>;

/** Fails with both values when they differ as JSON. Runs in a page as well as in Node.js. */
export function equal(actual: unknown, expected: unknown, what = 'value'): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (found !== wanted) throw new Error(`${what}: expected ${wanted}, got ${found}`);
}

/** The error that a promise is rejected with. @throws when it is not */
export async function failure(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  // Not by its class: Jest's globals have another Error than the platform's fetch.
  if (typeof outcome === 'object' && outcome && 'message' in outcome) return outcome as Error & Record<string, unknown>;
  throw new Error('expected a failure');
}

/** Resolves when what is looked at holds; looks again after each turn of the event loop. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns += 1) {
    if (turns > 100_000) throw new Error('it does not come about');
    await new Promise((resolve) => setTimeout(resolve));
  }
}
