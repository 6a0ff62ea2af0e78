import { readSelection, runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { measureBeside } from './beside.js';
import { besideTable, readTable } from './report.js';
import { measureReads } from './reads.js';
import { startSurroundings, type Surroundings } from './surroundings.js';

const SECTIONS = ['beside', 'scale'] as const;
type Section = (typeof SECTIONS)[number];

/** Sizes of the parts of a run. */
interface Amounts {
  readonly besideRounds: number;
  readonly readRounds: number;
  /** Grants in the table. */
  readonly sizes: readonly number[];
}

interface RunOptions extends Amounts {
  readonly sections: readonly Section[];
}

const USAGE = `npm run bench:refresh -- [options]

  --only NAME   one part: ${SECTIONS.join(', ')}
  --quick       little of everything, and 100 thousand grants at most: whether it works, not what it costs`;

const FULL: Amounts = { besideRounds: 4, readRounds: 40, sizes: [10_000, 1_000_000] };
const QUICK: Amounts = { besideRounds: 1, readRounds: 5, sizes: [10_000, 100_000] };

function readArguments(args: readonly string[]): RunOptions | 'help' {
  const selection = readSelection(args, SECTIONS);
  if (selection === 'help') return 'help';
  return { ...(selection.isQuick ? QUICK : FULL), sections: selection.sections };
}

const parts: Readonly<Record<Section, (options: RunOptions, around: Surroundings) => Promise<string>>> = {
  beside: async ({ besideRounds }, around) => besideTable(await measureBeside(around, besideRounds)),
  scale: async ({ sizes, readRounds }, around) => readTable(await measureReads(around, sizes, readRounds)),
};

async function run(options: RunOptions): Promise<void> {
  const around = await startSurroundings();
  try {
    console.log(`${describeMachine()}; tokens of about 570 characters.\n`);
    for (const section of options.sections) console.log(`${await parts[section](options, around)}\n`);
  } finally {
    await around.stop();
  }
}

await runProgram({ usage: USAGE, readArguments, run, limitMs: 590_000 });
