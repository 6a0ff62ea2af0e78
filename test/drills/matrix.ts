import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { FAULTS, type FaultName } from './faults.js';
import type { Told } from './monitoring.js';

/** The alerts that a fault must bring. */
export interface Expected extends Told {
  /** Alerts that it may bring besides: whether a token set was on its way when the fault began is chance. */
  readonly optional?: readonly string[];
}

/** What each fault must bring, committed as `matrix.json`. */
export function expectedMatrix(): Readonly<Record<FaultName, Expected>> {
  const file = path.join(import.meta.dirname, 'matrix.json');
  return JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<FaultName, Expected>>;
}

/** Whether the alerts are those that must be, and no others but those that may be. */
export function isAsExpected({ told, inhibited }: Told, expected: Expected): boolean {
  const without = (names: readonly string[]) => names.filter((name) => !expected.optional?.includes(name));
  return isDeepStrictEqual([without(told), without(inhibited)], [expected.told, expected.inhibited]);
}

export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];
