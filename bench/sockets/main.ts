import { type Selection, readSelection, runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { markdownTable } from '../support/markdown-table.js';
import { atOnce, bans, expiry, type Figure, memory, messages, secrecy, type Size } from './sections.js';

const SECTIONS = { expiry, atOnce, bans, messages, memory, secrecy };
type Section = keyof typeof SECTIONS;
const NAMES = Object.keys(SECTIONS) as Section[];

const USAGE = `npm run bench:sockets -- [options]

  --only NAME   one of ${NAMES.join(', ')}
  --quick       few sockets, to see that it works

Needs the programs of PostgreSQL and Redis. The exit code is 1 when a figure misses its goal.`;

const FULL: Size = { sockets: 10_000, spreadS: 100, leadS: 75, bans: 300 };
const QUICK: Size = { sockets: 2_000, spreadS: 5, leadS: 8, bans: 20 };

async function run({ sections, isQuick }: Selection<Section>): Promise<void> {
  console.log(`${describeMachine()}\n`);
  const size = isQuick ? QUICK : FULL;
  const figures: Figure[] = [];
  for (const section of sections) figures.push(...(await SECTIONS[section](size)));
  console.log(
    markdownTable(
      [{ heading: 'figure' }, { heading: 'measured', align: 'right' }, { heading: 'goal', align: 'right' }],
      figures.map(({ what, figure, goal, isMet }) => [what, isMet ? figure : `**${figure}**`, goal]),
    ),
  );
  if (figures.some(({ isMet }) => !isMet)) process.exitCode = 1;
}

await runProgram({ usage: USAGE, readArguments: (args) => readSelection(args, NAMES), run, limitMs: 590_000 });
