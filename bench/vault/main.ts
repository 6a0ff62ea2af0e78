import { randomBytes } from 'node:crypto';
import { Child } from '../support/child-process.js';
import { describeMachine } from '../support/machine.js';
import { markdownTable } from '../support/markdown-table.js';
import { startPostgres } from '../support/services.js';
import { percentile } from '../support/statistics.js';
import { runProgram } from '../support/command-line.js';
import { readArguments, type RunOptions, USAGE } from './arguments.js';
import type { GameOperations, PlayReport } from './game-process.js';
import { plantVault } from './planted-vault.js';
import { type RotationResult, runRotation } from './rotation.js';

const PROCESSES = 2;
const QUIET_MS = 5_000;
/** Time limit of the run, in milliseconds: it then ends, whatever hangs. */
const LONGEST_RUN_MS = 590_000;
const makeKey = (id: string) => ({ id, key: randomBytes(32).toString('base64') });

async function run({ grants, batchSize, callers }: RunOptions, databaseUrl: string): Promise<void> {
  const [k1, k2, k3] = [makeKey('k1'), makeKey('k2'), makeKey('k3')];
  console.log(`${describeMachine()}; ${grants} grants, ${PROCESSES} game processes with ${callers} callers each.\n`);
  const grantIds = await plantVault(databaseUrl, k1, grants);
  const games = await startGames(PROCESSES, { databaseUrl, encryptionKeys: [k2, k1] });
  const settings = { databaseUrl, encryptionKeys: [k2, k1], batchSize };
  const play = () => Promise.all(games.map((game) => game.call('play', grantIds, callers)));
  const stop = async () => merged(await Promise.all(games.map((game) => game.call('stop'))));

  await play();
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  const quiet = await stop();

  await play();
  const killed = await runRotation(settings, Math.floor(grants / 4));
  if (killed) console.log('The rotation was over before it could be killed: take more grants.\n');
  const resumed = await runRotation(settings);
  const loaded = await stop();
  await Promise.all(games.map((game) => game.stop()));

  const [reader] = await startGames(1, { databaseUrl, encryptionKeys: [k2] });
  const unreadable = await reader?.call('readAll', grantIds);
  await reader?.stop();
  // No process has started with this key in front, and no process runs.
  const [successor] = await startGames(1, { databaseUrl, encryptionKeys: [k3, k2] });
  await successor?.stop();
  const alone = await runRotation({ ...settings, encryptionKeys: [k3, k2] });

  if (!resumed || !alone) throw new Error('a rotation was ended from outside');
  console.log(rotationTable(resumed, alone));
  console.log(`\n${readTable(quiet, loaded)}`);
  console.log(`\nfailed calls while rotating ${failuresIn(loaded)}, unreadable with the new key alone ${unreadable}`);
  if (failuresIn(loaded) > 0 || unreadable !== 0 || !resumed.complete) process.exitCode = 1;
}

async function startGames(count: number, settings: Parameters<GameOperations['start']>[0]) {
  const url = new URL('game-process.js', import.meta.url);
  const games = Array.from({ length: count }, () => new Child<GameOperations>(url));
  await Promise.all(games.map((game) => game.call('start', settings)));
  return games;
}

function merged(reports: readonly PlayReport[]): PlayReport {
  const failures: Record<string, number> = {};
  for (const [name, count] of reports.flatMap((report) => Object.entries(report.failures))) {
    failures[name] = (failures[name] ?? 0) + count;
  }
  return {
    reads: reports.reduce((sum, { reads }) => sum + reads, 0),
    refreshes: reports.reduce((sum, { refreshes }) => sum + refreshes, 0),
    failures,
    readMs: reports.flatMap(({ readMs }) => readMs),
  };
}

function failuresIn({ failures }: PlayReport): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

const right = (heading: string) => ({ heading, align: 'right' }) as const;

function rotationTable(resumed: RotationResult, alone: RotationResult): string {
  const row = (title: string, { resealed, seconds, rowsPerSecond }: RotationResult) => [
    title,
    String(resealed),
    seconds.toFixed(1),
    String(rowsPerSecond),
  ];
  return markdownTable(
    [{ heading: '`vault rotate`' }, right('rows'), right('seconds'), right('rows a second')],
    [row('while the game runs, after a kill -9', resumed), row('alone', alone)],
  );
}

function readTable(quiet: PlayReport, loaded: PlayReport): string {
  const row = (title: string, report: PlayReport) => [
    title,
    String(report.reads),
    String(report.refreshes),
    String(failuresIn(report)),
    percentile(report.readMs, 50).toFixed(1),
    percentile(report.readMs, 99).toFixed(1),
  ];
  return markdownTable(
    [
      { heading: 'The game' },
      right('reads'),
      right('refreshes'),
      right('failed'),
      right('read ms, median'),
      right('99 %'),
    ],
    [row(`for ${QUIET_MS / 1000} s without a rotation`, quiet), row('while keys are rotated', loaded)],
  );
}

async function runOnDatabase(options: Parameters<typeof run>[0]): Promise<void> {
  const postgres = await startPostgres();
  if (!postgres) throw new Error('the PostgreSQL server programs are missing');
  const limit = setTimeout(() => {
    console.error('the benchmark did not end in time');
    process.exit(1);
  }, LONGEST_RUN_MS);
  try {
    await run(options, postgres.url);
  } finally {
    clearTimeout(limit);
    await postgres.stop();
  }
}

await runProgram({ usage: USAGE, readArguments, run: runOnDatabase });
