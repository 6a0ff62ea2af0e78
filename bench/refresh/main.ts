import { describeMachine } from '../support/machine.js';
import { runProgram } from '../support/command-line.js';
import { readArguments, type RunOptions, type Section, USAGE } from './arguments.js';
import { measureBeside, measureExpiries, measureOperations } from './measurements.js';
import { besideTable, expiryTable, operationsTable, readTable, scaleTable } from './report.js';
import { measureScale } from './scale.js';
import { startSurroundings, type Surroundings } from './surroundings.js';

/** Time limit of the run, in milliseconds: it then ends, whatever hangs. */
const LONGEST_RUN_MS = 590_000;

const parts: Readonly<Record<Section, (options: RunOptions, around: Surroundings) => Promise<string>>> = {
  expiry: async ({ expiries }, around) => expiryTable(await measureExpiries(around, expiries)),
  beside: async ({ besideRounds }, around) => besideTable(await measureBeside(around, besideRounds)),
  operations: async ({ operations }, around) => operationsTable(await measureOperations(around, operations)),
  scale: async ({ sizes, readRounds }, around) => {
    const runs = await measureScale(around, sizes, readRounds);
    return `${readTable(runs)}\n\n${scaleTable(runs)}`;
  },
};

async function run(options: RunOptions): Promise<void> {
  const limit = setTimeout(() => {
    console.error('the benchmark did not end in time');
    process.exit(1);
  }, LONGEST_RUN_MS);
  const around = await startSurroundings();
  try {
    if (!around) throw new Error('refreshes are not measured: the PostgreSQL server programs are missing');
    console.log(`${describeMachine()}; tokens of about 570 characters.\n`);
    for (const section of options.sections) console.log(`${await parts[section](options, around)}\n`);
  } finally {
    await around?.stop();
    clearTimeout(limit);
  }
}

await runProgram({ usage: USAGE, readArguments, run });
