import { Child, type Operations } from '../support/child-process.js';
import { describeMachine } from '../support/machine.js';
import { runProgram } from '../support/command-line.js';
import { readArguments, type RunOptions, type Section, USAGE } from './arguments.js';
import { startSurroundings, type Surroundings } from './backend.js';
import type { FloodOperations } from './flood-process.js';
import { measureHits } from './hit.js';
import type { MemoryOperations } from './memory-process.js';
import { CALLERS, firstUseCalls, lateness, PROCESSES, revocationDelays, waitsByRedis } from './over-processes.js';
import { delayTable, firstUsesTable, floodTable, hitTable, latenessTable, memoryTable } from './report.js';

/** Time limit of the run, in milliseconds: it then ends, whatever hangs. */
const LONGEST_RUN_MS = 590_000;

type Part = (options: RunOptions) => Promise<string>;
type SurroundedPart = (options: RunOptions, around: Surroundings) => Promise<string>;

/** Measured in one process, with nothing around it. */
const aloneParts: Partial<Record<Section, Part>> = {
  hit: async ({ hitRounds }) => hitTable(await measureHits(hitRounds)),
  memory: async ({ entries }) => {
    const flags = ['--expose-gc', '--max-old-space-size=2048'];
    const call = ['memory-process.js', 'bytesPerEntry', entries] as const;
    return memoryTable(entries, await inChild<MemoryOperations, 'bytesPerEntry'>(...call, flags));
  },
  flood: async ({ floodRequests }) =>
    floodTable(await inChild<FloodOperations, 'flood'>('flood-process.js', 'flood', floodRequests)),
};

/** Measured over processes, with an identity system, Redis and PostgreSQL around them. */
const surroundedParts: Partial<Record<Section, SurroundedPart>> = {
  'first-uses': async (_options, around) => {
    const runs = [{ name: 'without Redis', calls: await firstUseCalls(around, undefined) }];
    if (around.redis) runs.push({ name: 'with Redis', calls: await firstUseCalls(around, around.redis.url) });
    return firstUsesTable(
      `verify-token calls for ${CALLERS} first uses of a token in each of ${PROCESSES} processes`,
      runs,
    );
  },
  revocation: async ({ bans: trials }, around) => {
    const { postgres, redis } = around;
    if (!postgres) return 'Revocation is not measured: the PostgreSQL server programs are missing.';
    const run = (notify: boolean, redisUrl?: string) =>
      revocationDelays(around, { databaseUrl: postgres.url, redisUrl, notify, trials });
    const runs = [
      { name: 'by the poll alone', ms: await run(false) },
      { name: 'by NOTIFY', ms: await run(true) },
    ];
    if (redis) runs.push({ name: 'by Redis', ms: await run(false, redis.url) });
    return delayTable(`From a ban until the last of ${PROCESSES} processes refuses; ${trials} bans`, runs);
  },
  redis: async ({ firstUses }, around) => {
    const waits = await waitsByRedis(around, firstUses);
    if (!waits) return 'Redis is not measured: redis-server is missing.';
    const { withoutRedis, healthy, frozen } = waits;
    return delayTable(`How long ${firstUses} newcomers wait, one after the other`, [
      { name: 'without Redis', ms: withoutRedis },
      { name: 'with Redis', ms: healthy },
      { name: 'with Redis frozen', ms: frozen },
    ]);
  },
  lateness: async ({ loadSeconds }, around) => latenessTable(await lateness(around, loadSeconds)),
};

async function run(options: RunOptions): Promise<void> {
  const limit = setTimeout(() => {
    console.error('the benchmark did not end in time');
    process.exit(1);
  }, LONGEST_RUN_MS);
  try {
    console.log(`${describeMachine()}; tokens of about 570 characters.\n`);
    const alone = options.sections.flatMap((section) => aloneParts[section] ?? []);
    for (const part of alone) console.log(`${await part(options)}\n`);
    const surrounded = options.sections.flatMap((section) => surroundedParts[section] ?? []);
    if (surrounded.length === 0) return;
    const around = await startSurroundings();
    try {
      for (const part of surrounded) console.log(`${await part(options, around)}\n`);
    } finally {
      await around.stop();
    }
  } finally {
    clearTimeout(limit);
  }
}

/** Runs one operation in a separate process. */
async function inChild<O extends Operations, N extends keyof O & string>(
  module: string,
  operation: N,
  argument: Parameters<O[N]>[0],
  nodeOptions: readonly string[] = [],
): Promise<Awaited<ReturnType<O[N]>>> {
  const child = new Child<O>(new URL(module, import.meta.url), nodeOptions);
  try {
    return await child.call(operation, ...([argument] as unknown as Parameters<O[N]>));
  } finally {
    await child.stop();
  }
}

await runProgram({ usage: USAGE, readArguments, run });
