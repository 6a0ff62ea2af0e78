import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { IdentityOperations } from '../guard/identity-process.js';
import type { InProcessOperations } from '../guard/in-process.js';
import { Child, type Operations } from '../support/child-process.js';
import { runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { markdownTable } from '../support/markdown-table.js';
import { median, percentile, rotated } from '../support/statistics.js';
import type { HitOperations } from '../verify/hit-process.js';

const USAGE = `npm run bench:compare -- --before DIRECTORY [options]

Compares what a cached verdict costs in this checkout and in another one, whose benchmarks must be built
(npm ci && npm run build && npx tsc -p bench/tsconfig.json). Both take turns, in many short processes.

  --before DIRECTORY    the other checkout
  --processes N         processes for each of the two (default 16)`;

interface CompareOptions {
  readonly before: string;
  readonly processes: number;
}

/** Costs in one process, each divided by the bare cost (a SHA-256 and a look-up in an LRU) in the same process. */
type Costs = Readonly<Record<string, number>>;

const PLAYERS = 100;
const ROUNDS = 60;
/** Percentile that stands for the quiet rounds of a process: neighbours on the machine make the others more costly. */
const QUIET_HUNDREDTHS = 10;
const HERE = resolve(import.meta.dirname, '../../..');

async function run({ before, processes }: CompareOptions): Promise<void> {
  const identityProcess = new Child<IdentityOperations>(moduleOf(HERE, 'guard/identity-process.js'));
  try {
    const identity = await identityProcess.call('start', PLAYERS);
    const checkouts = { before, after: HERE };
    const costs: Record<keyof typeof checkouts, Costs[]> = { before: [], after: [] };
    for (let process = 0; process < processes; process += 1) {
      for (const name of rotated(['before', 'after'] as const, process)) {
        const checkout = checkouts[name];
        const guard = await inChild<InProcessOperations, Costs>(
          moduleOf(checkout, 'guard/in-process.js'),
          async (child) => perBare(await child.call('measure', { identity, rounds: ROUNDS })),
        );
        const hit = await inChild<HitOperations, Costs>(moduleOf(checkout, 'verify/hit-process.js'), measureHit);
        costs[name].push({
          'guard, whole': guard.guard ?? 0,
          authenticator: guard.authenticate ?? 0,
          hit: hit.hit ?? 0,
        });
      }
    }
    console.log(`${describeMachine()}; ${processes} processes each; unit: a SHA-256 and a look into an LRU.\n`);
    console.log(table(costs.before, costs.after));
  } finally {
    await identityProcess.stop();
  }
}

async function measureHit(child: Child<HitOperations>): Promise<Costs> {
  await child.call('prepare', 'ours');
  const rounds: Costs[] = [];
  while (rounds.length < ROUNDS) rounds.push(await child.call('measure'));
  const names = Object.keys(rounds[0] ?? {});
  return perBare(Object.fromEntries(names.map((name) => [name, rounds.map((round) => round[name] ?? Number.NaN)])));
}

function perBare(samples: Readonly<Record<string, readonly number[]>>): Costs {
  const quiet = Object.entries(samples).map(([name, values]) => [name, percentile(values, QUIET_HUNDREDTHS)] as const);
  const bare = Object.fromEntries(quiet).bare ?? Number.NaN;
  return Object.fromEntries(quiet.map(([name, cost]) => [name, cost / bare]));
}

function table(before: readonly Costs[], after: readonly Costs[]): string {
  const rows = Object.keys(before[0] ?? {}).map((name) => {
    const [old, now] = [before, after].map((all) => median(all.map((costs) => costs[name] ?? Number.NaN)));
    return [name, (old ?? 0).toFixed(3), (now ?? 0).toFixed(3), ((now ?? 0) / (old ?? 0)).toFixed(3)];
  });
  const numbers = ['before', 'after', 'ratio'].map((heading) => ({ heading, align: 'right' as const }));
  return markdownTable([{ heading: 'A cached verdict, medians' }, ...numbers], rows);
}

async function inChild<O extends Operations, R>(module: URL, work: (child: Child<O>) => Promise<R>): Promise<R> {
  const child = new Child<O>(module);
  try {
    return await work(child);
  } finally {
    await child.stop();
  }
}

function moduleOf(checkout: string, module: string): URL {
  const path = resolve(checkout, 'bench/dist', module);
  if (!existsSync(path)) throw new Error(`${path} does not exist: build the benchmarks of that checkout first`);
  return pathToFileURL(path);
}

/** @throws Error that says what is wrong with the command line */
function readArguments(args: readonly string[]): CompareOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      before: { type: 'string' },
      processes: { type: 'string', default: '16' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (values.before === undefined) throw new Error('--before must name a checkout whose benchmarks are built');
  const processes = Number(values.processes);
  if (!Number.isInteger(processes) || processes < 2) throw new Error('--processes must be a whole number from 2');
  return { before: resolve(values.before), processes };
}

await runProgram({ usage: USAGE, readArguments, run });
