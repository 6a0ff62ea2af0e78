import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { withChildren } from '../support/child-process.js';
import { readCount, runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { markdownTable } from '../support/markdown-table.js';
import { type MigratedPostgres, startMigratedPostgres } from '../support/migrated-postgres.js';
import type { GameOperations } from './game-process.js';
import { plantVault } from './planted-vault.js';
import { type RotationResult, runRotation } from './rotation.js';

interface RunOptions {
  readonly grants: number;
  readonly batchSize: number;
  /** Callers at a time in each of the two processes of the game. */
  readonly callers: number;
}

const USAGE = `npm run bench:vault -- [options]

  --grants N       grants in the vault (100000)
  --batch-size N   rows at a time (500)
  --callers N      callers at a time in each of two processes of the game, a fifth of them refresh (8)`;
const GAME = new URL('game-process.js', import.meta.url);
const PROCESSES = 2;
const makeKey = (id: string) => ({ id, key: randomBytes(32).toString('base64') });

function readArguments(args: readonly string[]): RunOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      grants: { type: 'string', default: '100000' },
      'batch-size': { type: 'string', default: '500' },
      callers: { type: 'string', default: '8' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    grants: readCount('grants', values.grants, 1_000_000),
    batchSize: readCount('batch-size', values['batch-size'], 5_000),
    callers: readCount('callers', values.callers, 100),
  };
}

async function rotateOn(postgres: MigratedPostgres, { grants, batchSize, callers }: RunOptions): Promise<void> {
  const databaseUrl = postgres.url;
  const [k1, k2, k3] = [makeKey('k1'), makeKey('k2'), makeKey('k3')];
  console.log(`${describeMachine()}; ${grants} grants, ${PROCESSES} game processes with ${callers} callers each.\n`);
  const grantIds = await plantVault(postgres.administration, k1, grants);
  const rotation = { databaseUrl, encryptionKeys: [k2, k1], batchSize };
  const withGame = async <T>(
    count: number,
    encryptionKeys: readonly (typeof k1)[],
    work: Parameters<typeof withChildren<GameOperations, T>>[3],
  ) => withChildren<GameOperations, T>(GAME, count, [{ databaseUrl, encryptionKeys }], work);

  const [resumed, reports] = await withGame(PROCESSES, [k2, k1], async (games) => {
    await Promise.all(games.map((game) => game.call('play', grantIds, callers)));
    const killed = await runRotation(rotation, Math.floor(grants / 4));
    if (killed) console.log('The rotation was over before it could be killed: take more grants.\n');
    const result = await runRotation(rotation);
    return [result, await Promise.all(games.map((game) => game.call('stop')))] as const;
  });
  const unreadable = await withGame(1, [k2], ([reader]) => reader.call('readAll', grantIds));
  // A process must have started with the new key in front, and none may run without it.
  await withGame(1, [k3, k2], async () => undefined);
  const alone = await runRotation({ ...rotation, encryptionKeys: [k3, k2] });

  if (!resumed || !alone) throw new Error('a rotation was ended from outside');
  console.log(rotationTable(resumed, alone));
  const sum = (figures: readonly number[]) => figures.reduce((total, figure) => total + figure, 0);
  const failed = sum(reports.flatMap(({ failures }) => Object.values(failures)));
  const calls = failed + sum(reports.map(({ reads, refreshes }) => reads + refreshes));
  console.log(`\ncalls while rotating ${calls}, failed ${failed}, unreadable with the new key alone ${unreadable}`);
  if (failed > 0 || unreadable !== 0 || !resumed.complete) process.exitCode = 1;
}

function rotationTable(resumed: RotationResult, alone: RotationResult): string {
  const right = (heading: string) => ({ heading, align: 'right' }) as const;
  const row = (title: string, { resealed, seconds, rowsPerSecond }: RotationResult) => [
    title,
    String(resealed),
    seconds.toFixed(1),
    String(rowsPerSecond),
  ];
  return markdownTable(
    [{ heading: '`vault rotate`' }, right('rows'), right('seconds'), right('rows a second')],
    [row('while the game runs, after a `kill -9`', resumed), row('alone', alone)],
  );
}

async function run(options: RunOptions): Promise<void> {
  const postgres = await startMigratedPostgres();
  try {
    await rotateOn(postgres, options);
  } finally {
    await postgres.stop();
  }
}

await runProgram({ usage: USAGE, readArguments, run, limitMs: 590_000 });
