import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { RedisServer } from '../../test/support/servers/redis-server.js';
import { type Child, withChildren } from '../support/child-process.js';
import { readCount, runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { markdownTable } from '../support/markdown-table.js';
import { startMigratedPostgres } from '../support/migrated-postgres.js';
import { median, percentile } from '../support/statistics.js';
import type { GameOperations } from './game-process.js';

const USAGE = `npm run bench:sessions -- [options]

  --players N    players who sign in twice (500)
  --at-once N    of them at a time (10)

Three processes with one session per player: each player signs in, and then on another device. Measured is how long after
the second sign-in the first token is refused in each process, with hints by PostgreSQL alone and with those by Redis.`;
const PROCESS = new URL('game-process.js', import.meta.url);
const PROCESSES = 3;
const CLIENT = { clientId: 'game', clientSecret: 'secret of the game' };
const GOAL_MS = 1_500;

interface RunOptions {
  readonly players: number;
  readonly atOnce: number;
}

function readArguments(args: readonly string[]): RunOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      players: { type: 'string', default: '500' },
      'at-once': { type: 'string', default: '10' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    players: readCount('players', values.players, 100_000),
    atOnce: readCount('at-once', values['at-once'], 100),
  };
}

/** The delays of one player, in milliseconds: one for each process. */
async function displace(
  emulator: NowggEmulator,
  [first, ...others]: readonly [Child<GameOperations>, ...Child<GameOperations>[]],
): Promise<number[]> {
  const { userId } = emulator.addPlayer();
  const { token } = await first.call('signIn', emulator.issueCode({ userId }));
  const processes = [first, ...others];
  // Each has the verdict in its cache: it asks now.gg nothing.
  const before = await Promise.all(processes.map((each) => each.call('outcome', token)));
  if (before.some((outcome) => outcome !== 'valid')) throw new Error(`the first token is ${before.join(', ')}`);
  const refusals = processes.map((each) => each.call('untilRefused', token));
  const { atMs } = await first.call('signIn', emulator.issueCode({ userId }));
  const refused = await Promise.all(refusals);
  if (refused.some(({ reason }) => reason !== 'signed_in_elsewhere')) throw new Error(refused[0]?.reason);
  return refused.map((each) => Math.max(0, each.atMs - atMs));
}

async function measure({ players, atOnce }: RunOptions, redisUrl?: string): Promise<number[]> {
  const postgres = await startMigratedPostgres();
  const emulator = await startNowggEmulator({ clients: [CLIENT] });
  const settings = {
    ...CLIENT,
    baseUrl: emulator.url,
    databaseUrl: postgres.url,
    encryptionKeys: [{ id: 'k1', key: randomBytes(32).toString('base64') }],
    redisUrl,
  };
  try {
    return await withChildren<GameOperations, number[]>(PROCESS, PROCESSES, [settings], async (children) => {
      const delays: number[] = [];
      for (let done = 0; done < players; done += atOnce) {
        const round = Array.from({ length: atOnce }, async () => displace(emulator, children));
        delays.push(...(await Promise.all(round)).flat());
      }
      return delays;
    });
  } finally {
    await emulator.close();
    await postgres.stop();
  }
}

async function run(options: RunOptions): Promise<void> {
  console.log(`${describeMachine()}\n`);
  await using redis = await RedisServer.start();
  const rows = [
    ['PostgreSQL', await measure(options)],
    ['PostgreSQL and Redis', await measure(options, `redis://127.0.0.1:${redis.port}`)],
  ] as const;
  const right = (heading: string) => ({ heading, align: 'right' }) as const;
  console.log(
    markdownTable(
      [{ heading: 'hints by' }, right('median, ms'), right('p99, ms'), right('longest, ms'), right('goal for p99, ms')],
      rows.map(([name, delays]) => [
        name,
        ...[median(delays), percentile(delays, 99), Math.max(...delays)].map((delay) => delay.toFixed(0)),
        GOAL_MS.toLocaleString('en'),
      ]),
    ),
  );
  if (rows.some(([, delays]) => percentile(delays, 99) > GOAL_MS)) process.exitCode = 1;
}

await runProgram({ usage: USAGE, readArguments, run, limitMs: 590_000 });
