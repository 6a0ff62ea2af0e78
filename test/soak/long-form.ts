import { readFile, rename, writeFile } from 'node:fs/promises';
import type { SoakTotals } from './report.js';

/** A part of the long form that is done. */
export interface DonePart extends SoakTotals {
  readonly seed: number;
  /** Faults of the two campaigns. */
  readonly ofModes: number;
  readonly ofRefusals: number;
  readonly findings: readonly string[];
  /** Batches of refusals that were repeated because a refusal lasted too long. */
  readonly brokenPlans: number;
  /** Processes that ended without being told to. */
  readonly crashes: number;
  /** Wall time of the part, in milliseconds. */
  readonly tookMs: number;
}

export interface LongFormState {
  readonly seed: number;
  readonly parts: readonly DonePart[];
}

/** A part that is to be done, with faults of one campaign. */
export interface Part {
  readonly faults: number;
  readonly refusals: number;
  readonly seed: number;
}

/** Faults of one part of the long form, which takes some minutes. */
const PART = { faults: 210, refusals: 80 };

/**
 * A part that is still to be done; undefined when all are. The campaign of which less is done comes first.
 * @param underway parts that have begun and are not done
 */
export function nextPart(
  { seed, parts }: LongFormState,
  underway: readonly Part[],
  wanted: { readonly faults: number; readonly refusals: number },
): Part | undefined {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const faults = sum([...parts.map(({ ofModes }) => ofModes), ...underway.map((part) => part.faults)]);
  const refusals = sum([...parts.map(({ ofRefusals }) => ofRefusals), ...underway.map((part) => part.refusals)]);
  const left = { faults: Math.max(0, wanted.faults - faults), refusals: Math.max(0, wanted.refusals - refusals) };
  if (left.faults + left.refusals === 0) return undefined;
  const next = { seed: freeSeed(seed, [...parts, ...underway]), faults: 0, refusals: 0 };
  return left.faults * wanted.refusals > left.refusals * wanted.faults || left.refusals === 0
    ? { ...next, faults: Math.min(PART.faults, left.faults) }
    : { ...next, refusals: Math.min(PART.refusals, left.refusals) };
}

/** The first seed that no part has. */
function freeSeed(first: number, parts: ReadonlyArray<{ readonly seed: number }>): number {
  const taken = new Set(parts.map(({ seed }) => seed));
  let seed = first;
  while (taken.has(seed)) seed += 1;
  return seed;
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
