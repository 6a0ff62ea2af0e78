import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { readCount, runProgram } from '../support/command-line.js';
import { type Column, markdownTable } from '../support/markdown-table.js';
import { bytesPerSharedVerdict } from './redis-memory.js';
import { type Deployment, type Scenario, simulate } from './simulation.js';
import { type Distribution, DISTRIBUTIONS } from './workload.js';

const USAGE = `Simulates how many verify-token requests a game sends to now.gg: an hour on a clock that only the simulation
moves, with the library's own authenticators and caches, compared with verdicts that serve 30 seconds.

  --players N   players (40)
  --seed N      seed of the random numbers (1)
  --redis       instead, measure the memory of a verdict in a Redis of its own
  --help        this text`;

interface Options {
  readonly players: number;
  readonly seed: number;
  readonly measuresRedis: boolean;
}

interface Row extends Deployment {
  readonly name: string;
  readonly entriesShare: number;
}

const ONE = { instances: 1, isSticky: true };
const TEN = { instances: 10, isSticky: false };

const ROWS: readonly Row[] = [
  { name: '1 process', ...ONE, sharesVerdicts: false, entriesShare: 1 },
  { name: '10 processes, sticky', instances: 10, isSticky: true, sharesVerdicts: false, entriesShare: 1 },
  { name: '1 process, Redis', ...ONE, sharesVerdicts: true, entriesShare: 1 },
  { name: '10 processes, Redis', ...TEN, sharesVerdicts: true, entriesShare: 1 },
  { name: '10 processes', ...TEN, sharesVerdicts: false, entriesShare: 1 },
  { name: '1 process, memory for half', ...ONE, sharesVerdicts: false, entriesShare: 0.5 },
  { name: '10 processes, Redis, memory for half', ...TEN, sharesVerdicts: true, entriesShare: 0.5 },
];
const REQUESTS_PER_MINUTE = 12;
const RARER = [4, 1];

/** Questions for one player in an hour: as they are, and with verdicts that serve 30 seconds. */
async function compare(row: Row, distribution: Distribution, requestsPerMinute: number, options: Options) {
  const { players, seed } = options;
  const scenario: Omit<Scenario, 'grows'> = { ...row, distribution, players, requestsPerMinute };
  const { questions, fixedLifeShared } = await simulate({ ...scenario, grows: true }, seed);
  const fixed = row.sharesVerdicts ? fixedLifeShared : (await simulate({ ...scenario, grows: false }, seed)).questions;
  return `${(questions / players).toFixed(1)} of ${(fixed / players).toFixed(0)} (1/${(fixed / questions).toFixed(1)})`;
}

async function run(options: Options): Promise<void> {
  if (options.measuresRedis) {
    console.log(`A verdict takes ${await bytesPerSharedVerdict()} bytes in Redis, key and overhead included.`);
    return;
  }
  const columns: Column[] = ['', ...DISTRIBUTIONS].map((heading, index) => ({
    heading,
    align: index === 0 ? 'left' : 'right',
  }));
  const rows: string[][] = [];
  for (const row of ROWS) {
    const cells = [row.name];
    for (const distribution of DISTRIBUTIONS) {
      cells.push(await compare(row, distribution, REQUESTS_PER_MINUTE, options));
    }
    rows.push(cells);
  }
  console.log(`${REQUESTS_PER_MINUTE} requests a minute and player\n\n${markdownTable(columns, rows)}\n`);
  const rarer: string[][] = [];
  for (const requests of RARER) {
    const cells = [`${requests} a minute`];
    for (const distribution of DISTRIBUTIONS)
      cells.push(await compare(ROWS[3] as Row, distribution, requests, options));
    rarer.push(cells);
  }
  console.log(`10 processes with Redis, rarer requests\n\n${markdownTable(columns, rarer)}`);
}

function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      players: { type: 'string', default: '40' },
      seed: { type: 'string', default: '1' },
      redis: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    players: readCount('players', values.players, 100_000),
    seed: readCount('seed', values.seed, 1_000_000),
    measuresRedis: values.redis,
  };
}

await runProgram({ usage: USAGE, readArguments: readOptions, run });
// Time limits of requests that were answered long ago.
process.exit();
