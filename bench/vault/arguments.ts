import { parseArgs } from 'node:util';

/** Size of the rotation, and its load. */
export interface RunOptions {
  readonly grants: number;
  readonly batchSize: number;
  /** Callers at a time in each of the two processes of the game. */
  readonly callers: number;
}

export const USAGE = `npm run bench:vault -- [options]

  --grants N       grants in the vault (100000)
  --batch-size N   rows at a time (500)
  --callers N      callers at a time in each of two processes of the game, a fifth of them refresh (8)`;

/** @throws Error that says what is wrong with the command line */
export function readArguments(args: readonly string[]): RunOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      grants: { type: 'string', default: '100000' },
      'batch-size': { type: 'string', default: '500' },
      callers: { type: 'string', default: '8' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    grants: whole('--grants', values.grants, 1_000_000),
    batchSize: whole('--batch-size', values['batch-size'], 5_000),
    callers: whole('--callers', values.callers, 100),
  };
}

function whole(option: string, text: string, most: number): number {
  const number = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= 1 && number <= most) return number;
  throw new Error(`${option} must be a whole number from 1 to ${most}`);
}
