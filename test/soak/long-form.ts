import { readFile, rename, writeFile } from 'node:fs/promises';
import type { SoakTotals } from './report.js';

/** A part of the long form that is done. */
interface DonePart extends SoakTotals {
  readonly seed: number;
  /** Faults of the two campaigns. */
  readonly ofModes: number;
  readonly ofRefusals: number;
  readonly findings: readonly string[];
}

export interface LongFormState {
  readonly seed: number;
  readonly parts: readonly DonePart[];
}

/** Faults of one part of the long form, which takes some minutes. */
const PART = { faults: 105, refusals: 40 };

/** A part that is still to be done; undefined when all are. */
export function nextPart(
  { seed, parts }: LongFormState,
  wanted: { readonly faults: number; readonly refusals: number },
): { readonly faults: number; readonly refusals: number; readonly seed: number } | undefined {
  const done = (of: 'ofModes' | 'ofRefusals') => parts.reduce((sum, part) => sum + part[of], 0);
  const faults = Math.min(PART.faults, Math.max(0, wanted.faults - done('ofModes')));
  const refusals = Math.min(PART.refusals, Math.max(0, wanted.refusals - done('ofRefusals')));
  return faults + refusals === 0 ? undefined : { faults, refusals, seed: seed + parts.length };
}

/** What all parts together came to. */
export function totalsOfParts({ parts }: LongFormState): SoakTotals {
  const sum = (of: keyof SoakTotals) => parts.reduce((total, part) => total + part[of], 0);
  return {
    faults: sum('faults'),
    lost: sum('lost'),
    wronglyDead: sum('wronglyDead'),
    extraCalls: sum('extraCalls'),
  };
}

/** @throws Error when the file is there and is not one of a soak */
export async function readState(file: string, seed: number): Promise<LongFormState> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return { seed, parts: [] };
  }
  const state = JSON.parse(text) as LongFormState;
  if (!Array.isArray(state.parts)) throw new Error('the state file is not one of a soak');
  return state;
}

/** Replaces the file at once, so that an interruption leaves the state of before. */
export async function writeState(file: string, state: LongFormState): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(state, undefined, 1)}\n`);
  await rename(`${file}.new`, file);
}
