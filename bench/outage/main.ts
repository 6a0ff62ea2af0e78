import { parseArgs } from 'node:util';
import { readCount, runProgram, sectionsFor } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { databaseAway } from './database.js';
import { hangingShutdown } from './shutdown.js';

const USAGE = `npm run bench:outage -- [options]

  --only NAME   one part: database, shutdown
  --seconds N   how long the database is away (60)
  --rate N      requests a second (400)

The exit code is 1 if a rule does not hold.`;
const PARTS = ['database', 'shutdown'] as const;

interface Options {
  readonly parts: readonly (typeof PARTS)[number][];
  readonly seconds: number;
  readonly rate: number;
}

await runProgram<Options>({
  usage: USAGE,
  limitMs: 590_000,
  readArguments: (args) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        seconds: { type: 'string', default: '60' },
        rate: { type: 'string', default: '400' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return 'help';
    return {
      parts: sectionsFor(PARTS, values.only),
      seconds: readCount('seconds', values.seconds, 120),
      rate: readCount('rate', values.rate, 10_000),
    };
  },
  run: async ({ parts, ...load }) => {
    console.log(describeMachine());
    if (parts.includes('database')) {
      console.log(`\nThe database is away for ${load.seconds} s, ${load.rate} requests a second.\n`);
      if (!(await databaseAway(load))) process.exitCode = 1;
    }
    if (parts.includes('shutdown')) {
      console.log('\nSIGTERM while now.gg has carried refreshes out and keeps the replies.\n');
      if (!(await hangingShutdown())) process.exitCode = 1;
    }
  },
});
