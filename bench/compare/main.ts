import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { IdentityOperations } from '../guard/identity-process.js';
import type { InProcessOperations } from '../guard/in-process.js';
import { Child, type Operations } from '../support/child-process.js';
import { runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { markdownTable } from '../support/markdown-table.js';
import { median, percentile, rotated } from '../support/statistics.js';
import type { HitOperations } from '../verify/hit-process.js';

const USAGE = `npm run bench:compare -- --before DIRECTORY | --telemetry [options]

Compares what a cached verdict costs in this checkout and in another one, which must be built (npm ci && npm run build);
or here, without and with metrics and spans of OpenTelemetry that are exported each second. The benchmark of this checkout
measures both, which take turns in many short processes.

  --before DIRECTORY    the other checkout
  --telemetry           this checkout twice: "before" without telemetry, "after" with it
  --processes N         processes for each of the two (default 16)`;

interface CompareOptions {
  readonly before: string;
  readonly hasTelemetry: boolean;
  readonly processes: number;
}

/** Costs in one process, each divided by the bare cost (a SHA-256 and a look-up in an LRU) in the same process. */
type Costs = Readonly<Record<string, number>>;

const PLAYERS = 100;
const ROUNDS = 60;
/** Percentile that stands for the quiet rounds of a process: neighbours on the machine make the others more costly. */
const QUIET_HUNDREDTHS = 10;
const HERE = resolve(import.meta.dirname, '../../../..');

async function run({ before, hasTelemetry, processes }: CompareOptions): Promise<void> {
  const identityProcess = new Child<IdentityOperations>(program('guard/identity-process.js'));
  try {
    const identity = await identityProcess.call('start', PLAYERS);
    const checkouts = { before, after: HERE };
    const costs: Record<keyof typeof checkouts, Costs[]> = { before: [], after: [] };
    for (let process = 0; process < processes; process += 1) {
      for (const name of rotated(['before', 'after'] as const, process)) {
        const measureGuard = async (child: Child<InProcessOperations>) =>
          perBare(await child.call('measure', identity, ROUNDS, hasTelemetry && name === 'after'));
        const guard = await inChild('guard/in-process.js', checkouts[name], measureGuard);
        if (hasTelemetry) {
          costs[name].push({ 'a call of the guard': guard.guard ?? 0 });
          continue;
        }
        const hit = await inChild('verify/hit-process.js', checkouts[name], measureHit);
        costs[name].push({ 'a call of the guard': guard.guard ?? 0, 'a hit of the authenticator': hit.hit ?? 0 });
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
  const samples: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, micros] of Object.entries(await child.call('measure'))) (samples[name] ??= []).push(...micros);
  }
  return perBare(samples);
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

/** Runs a program of this benchmark on the library of a checkout. */
async function inChild<O extends Operations, R>(
  name: string,
  checkout: string,
  work: (child: Child<O>) => Promise<R>,
): Promise<R> {
  const preload = new URL('other-library.js', import.meta.url).href;
  process.env['NOWGG_BENCH_CHECKOUT'] = checkout;
  const child = new Child<O>(program(name), ['--import', preload]);
  try {
    return await work(child);
  } finally {
    await child.stop();
  }
}

function program(name: string): URL {
  return new URL(`../${name}`, import.meta.url);
}

/** @throws Error that says what is wrong with the command line */
function readArguments(args: readonly string[]): CompareOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      before: { type: 'string' },
      telemetry: { type: 'boolean', default: false },
      processes: { type: 'string', default: '16' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const hasTelemetry = values.telemetry;
  const before = hasTelemetry ? HERE : resolve(values.before ?? '');
  if (hasTelemetry !== (values.before === undefined)) throw new Error('give either --before or --telemetry');
  if (!existsSync(`${before}/libs/nowgg-auth/dist/index.js`)) {
    throw new Error('--before must name a checkout that is built');
  }
  const processes = Number(values.processes);
  if (!Number.isInteger(processes) || processes < 2) throw new Error('--processes must be a whole number from 2');
  return { before, hasTelemetry, processes };
}

await runProgram({ usage: USAGE, readArguments, run });
