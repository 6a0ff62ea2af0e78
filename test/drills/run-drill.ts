import { setTimeout as wait } from 'node:timers/promises';
import type { DrillStage } from './drill-stage.js';
import { type DrilledFault, FAULTS, type FaultName } from './faults.js';
import { type Expected, isAsExpected } from './matrix.js';
import type { Told } from './monitoring.js';

const LOOK_MS = 500;

/** What a drill showed. */
export interface Drilled extends Told {
  readonly fault: FaultName;
  /** Alerts that fired at any time of the fault and are not in the expected set. */
  readonly unexpected: readonly string[];
  /** Time until the alerts were as expected, in seconds; undefined when they never were. */
  readonly toldAfterS: number | undefined;
  /** Time from the end of the fault until no alert fired, in seconds; undefined when one went on. */
  readonly overAfterS: number | undefined;
}

export interface DrillTimes {
  /** Longest time that the alerts may take, in seconds. */
  readonly longestS: number;
  /** Time that the fault lasts at least, in seconds, so that a late alert is seen. */
  readonly leastS: number;
}

/** Plays one fault until the alerts are as expected, and then until none fires. */
export async function playDrill(
  stage: DrillStage,
  fault: FaultName,
  expected: Expected,
  { longestS, leastS }: DrillTimes,
): Promise<Drilled> {
  const { begin, end }: DrilledFault = FAULTS[fault];
  await untilQuiet(stage, longestS);
  const everFired = new Set<string>();
  let [now, toldAfterS]: [Told, number | undefined] = [{ told: [], inhibited: [] }, undefined];
  const begunAtMs = performance.now();
  const elapsedS = () => (performance.now() - begunAtMs) / 1_000;
  try {
    await begin(stage);
    while (elapsedS() < longestS) {
      now = await stage.monitoring.told();
      for (const name of [...now.told, ...now.inhibited]) everFired.add(name);
      const isComplete = isAsExpected(now, expected);
      if (isComplete) toldAfterS ??= elapsedS();
      if (isComplete && elapsedS() >= leastS) break;
      await wait(LOOK_MS);
    }
  } finally {
    await end(stage);
  }
  const known = [...expected.told, ...expected.inhibited, ...(expected.optional ?? [])];
  const unexpected = [...everFired].filter((name) => !known.includes(name)).toSorted();
  return { fault, ...now, unexpected, toldAfterS, overAfterS: await untilQuiet(stage, longestS) };
}

/** Waits until no alert fires. @returns the seconds that it took; undefined when it took longer than that */
export async function untilQuiet({ monitoring }: DrillStage, longestS: number): Promise<number | undefined> {
  const begunAtMs = performance.now();
  const elapsedS = () => (performance.now() - begunAtMs) / 1_000;
  while (elapsedS() < longestS) {
    if ((await monitoring.firing()).length === 0) return elapsedS();
    await wait(LOOK_MS);
  }
  return undefined;
}

/** Lets the game run without a fault. @returns the names of all alerts that fired */
export async function watchHealthy({ monitoring }: DrillStage, seconds: number): Promise<string[]> {
  const begunAtMs = performance.now();
  const fired = new Set<string>();
  while (performance.now() - begunAtMs < seconds * 1_000) {
    for (const name of await monitoring.firing()) fired.add(name);
    await wait(LOOK_MS);
  }
  return [...fired].toSorted();
}

/** Whether a drill was as the matrix says, its end included. */
export function hasHeld(drilled: Drilled, expected: Expected): boolean {
  return isAsExpected(drilled, expected) && drilled.unexpected.length === 0 && drilled.overAfterS !== undefined;
}
