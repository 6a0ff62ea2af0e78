import { readSelection } from '../support/command-line.js';

export const SECTIONS = ['hit', 'memory', 'flood', 'first-uses', 'revocation', 'redis', 'lateness'] as const;
export type Section = (typeof SECTIONS)[number];

/** Parts of a run of the benchmark, and their sizes. */
export interface RunOptions {
  readonly sections: readonly Section[];
  readonly hitRounds: number;
  readonly entries: number;
  readonly floodRequests: number;
  readonly bans: number;
  readonly firstUses: number;
  readonly loadSeconds: number;
}

export const USAGE = `npm run bench:verify -- [options]

  --only NAME   one part: ${SECTIONS.join(', ')}
  --quick       a tenth of everything: whether it works, not what it costs`;

const FULL = { hitRounds: 300, entries: 100_000, floodRequests: 3_000, bans: 200, firstUses: 500, loadSeconds: 15 };

/** @throws Error that says what is wrong with the command line */
export function readArguments(args: readonly string[]): RunOptions | 'help' {
  const selection = readSelection(args, SECTIONS);
  if (selection === 'help') return 'help';
  const share = selection.isQuick ? 0.1 : 1;
  const amounts = Object.fromEntries(
    Object.entries(FULL).map(([name, amount]) => [name, Math.max(2, Math.round(amount * share))]),
  ) as typeof FULL;
  return { ...amounts, sections: selection.sections };
}
