import { rotated } from './statistics.js';

/**
 * Prepares inputs, which is not timed, and processes them, which is. Inputs are new for each batch, as a request is: a
 * string that was hashed or a request that was decided once is cheaper the second time.
 */
export interface Part {
  readonly prepare: () => readonly unknown[];
  readonly work: (input: never) => unknown;
}

/** Few enough that a batch's inputs stay in the processor's caches, as those of a request just parsed do. */
export const BATCH = 16;

/**
 * Processor time for one input, in microseconds and of all threads, by part: one value for each round, in which all
 * parts run `turns` times, one after the other.
 */
export async function timedRounds<Name extends string>(
  parts: Readonly<Record<Name, Part>>,
  { rounds, turns }: { readonly rounds: number; readonly turns: number },
): Promise<Record<Name, number[]>> {
  const names = Object.keys(parts) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round += 1) {
    const spent = new Map(names.map((name) => [name, 0]));
    for (let turn = 0; turn < turns; turn += 1) {
      for (const name of rotated(names, round + turn)) {
        spent.set(name, (spent.get(name) ?? 0) + (await timeBatch(parts[name])));
      }
    }
    for (const name of names) samples[name].push((spent.get(name) ?? 0) / turns);
  }
  return samples;
}

/** Holds the latest result, so that no call can be optimised away. */
const sink: { result: unknown } = { result: undefined };

/** A promise is awaited before the next call, as in a guard. */
async function timeBatch({ prepare, work }: Part): Promise<number> {
  const inputs = prepare();
  const before = process.cpuUsage();
  for (let i = 0; i < inputs.length; i += 1) {
    const result = work(inputs[i] as never);
    sink.result = result instanceof Promise ? await result : result;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / inputs.length;
}
