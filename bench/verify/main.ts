import { Child } from '../support/child-process.js';
import { readSelection, runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { startSurroundings, type Surroundings } from './backend.js';
import { measureHits } from './hit.js';
import type { MemoryOperations } from './memory-process.js';
import { lateness, PROCESSES, revocationDelays, waitsByRedis } from './over-processes.js';
import { measureQuestions } from './question.js';
import { delayTable, hitTable, latenessTable, memoryTable, questionTable } from './report.js';

const SECTIONS = ['hit', 'question', 'memory', 'revocation', 'redis', 'lateness'] as const;
type Section = (typeof SECTIONS)[number];

/** Sizes of the parts of a run. */
const FULL = { hitRounds: 300, questionRounds: 60, entries: 100_000, bans: 200, firstUses: 500, loadSeconds: 15 };

interface RunOptions {
  readonly sections: readonly Section[];
  readonly amounts: typeof FULL;
}

const USAGE = `npm run bench:verify -- [options]

  --only NAME   one part: ${SECTIONS.join(', ')}
  --quick       a tenth of everything: whether it works, not what it costs`;

function readArguments(args: readonly string[]): RunOptions | 'help' {
  const selection = readSelection(args, SECTIONS);
  if (selection === 'help') return 'help';
  const share = selection.isQuick ? 0.1 : 1;
  const amounts = Object.entries(FULL).map(([name, amount]) => [name, Math.max(2, Math.round(amount * share))]);
  return { amounts: Object.fromEntries(amounts) as typeof FULL, sections: selection.sections };
}

const parts: Readonly<Record<Section, (amounts: typeof FULL, around: Surroundings) => Promise<string>>> = {
  hit: async ({ hitRounds }) => hitTable(await measureHits(hitRounds)),
  question: async ({ questionRounds }, { identity, baseUrl }) =>
    questionTable(await measureQuestions(identity, baseUrl, questionRounds)),
  memory: async ({ entries }) => {
    const flags = ['--expose-gc', '--max-old-space-size=2048'];
    const child = new Child<MemoryOperations>(new URL('memory-process.js', import.meta.url), flags);
    try {
      return memoryTable(entries, await child.call('bytesPerEntry', entries));
    } finally {
      await child.stop();
    }
  },
  revocation: async ({ bans: trials }, around) => {
    const { redis } = around;
    return delayTable(`From a ban until the last of ${PROCESSES} processes refuses; ${trials} bans`, [
      { name: 'by the poll alone', ms: await revocationDelays(around, { notify: false, trials }) },
      { name: 'by NOTIFY', ms: await revocationDelays(around, { notify: true, trials }) },
      { name: 'by Redis', ms: await revocationDelays(around, { notify: false, redisUrl: redis.url, trials }) },
    ]);
  },
  redis: async ({ firstUses }, around) => {
    const { withoutRedis, healthy, frozen } = await waitsByRedis(around, firstUses);
    return delayTable(`How long ${firstUses} newcomers wait, one after the other`, [
      { name: 'without Redis', ms: withoutRedis },
      { name: 'with Redis', ms: healthy },
      { name: 'with Redis frozen', ms: frozen },
    ]);
  },
  lateness: async ({ loadSeconds }, around) => latenessTable(await lateness(around, loadSeconds)),
};

async function run({ sections, amounts }: RunOptions): Promise<void> {
  console.log(`${describeMachine()}; tokens of about 570 characters.\n`);
  const around = await startSurroundings();
  try {
    for (const section of sections) console.log(`${await parts[section](amounts, around)}\n`);
  } finally {
    await around.stop();
  }
}

await runProgram({ usage: USAGE, readArguments, run, limitMs: 590_000 });
