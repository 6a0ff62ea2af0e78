import { readSelection } from '../support/command-line.js';

export const SECTIONS = ['expiry', 'beside', 'operations', 'scale'] as const;
export type Section = (typeof SECTIONS)[number];

/** Parts of a run of the benchmark, and their sizes. */
export interface RunOptions {
  readonly sections: readonly Section[];
  readonly expiries: number;
  readonly besideRounds: number;
  readonly operations: number;
  readonly readRounds: number;
  /** Grants in the table. */
  readonly sizes: readonly number[];
}

export const USAGE = `npm run bench:refresh -- [options]

  --only NAME   one part: ${SECTIONS.join(', ')}
  --quick       little of everything, and 100 thousand grants at most: whether it works, not what it costs`;

const FULL = { expiries: 10, besideRounds: 4, operations: 300, readRounds: 40, sizes: [10_000, 1_000_000] };
const QUICK = { expiries: 2, besideRounds: 1, operations: 30, readRounds: 5, sizes: [10_000, 100_000] };

/** @throws Error that says what is wrong with the command line */
export function readArguments(args: readonly string[]): RunOptions | 'help' {
  const selection = readSelection(args, SECTIONS);
  if (selection === 'help') return 'help';
  return { ...(selection.isQuick ? QUICK : FULL), sections: selection.sections };
}
