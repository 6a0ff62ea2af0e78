import { parseArgs } from 'node:util';
import { startNowggEmulator } from 'nowgg-emulator';
import { Child } from '../support/child-process.js';
import { readCount, runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { markdownTable } from '../support/markdown-table.js';
import { type MigratedPostgres, startMigratedPostgres } from '../support/migrated-postgres.js';
import type { GuardedOperations, LoadReport } from './guarded-process.js';

const USAGE = `npm run bench:revocations -- [options]

  --history N   sign-outs in the history (3000000)
  --live N      those of them that still matter (500000)

A fifth of both is measured before. A second process of each row has its event loop watched, and the young generation of
its heap limited to three times 8 MB.`;
const PROCESS = new URL('guarded-process.js', import.meta.url);
const CLIENT = { clientId: 'game', clientSecret: 'secret of the game' };
const IDLE_S = 5;
const SMALL_HEAP = ['--max-semi-space-size=8'];

interface RunOptions {
  readonly history: number;
  readonly live: number;
}

interface Row extends LoadReport {
  readonly title: string;
  readonly residentMb: number;
  readonly residentInSmallHeapMb: number;
  readonly idleMs: number;
  readonly banned: string;
  readonly player: string;
  readonly questions: number;
}

function readArguments(args: readonly string[]): RunOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      history: { type: 'string', default: '3000000' },
      live: { type: 'string', default: '500000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const history = readCount('history', values.history, 100_000_000);
  return { history, live: Math.min(history, readCount('live', values.live, 100_000_000)) };
}

/**
 * Sign-outs as a game writes them, in the order of time: half of sessions, half of tokens; live ones of the last hour,
 * others of 30 days.
 */
async function plant(
  { administration }: MigratedPostgres,
  { history, live }: RunOptions,
  there: RunOptions = { history: 0, live: 0 },
): Promise<void> {
  const columns = 'provider, kind, subject_id, issued_until, marked_at, not_after, changed_at';
  const end = there.history + live - there.live;
  await administration.query(`
    INSERT INTO nowgg_revocation (${columns})
    SELECT 'nowgg', CASE WHEN n % 2 = 0 THEN 'session' ELSE 'credential' END,
      translate(rtrim(encode(sha256(n::text::bytea), 'base64'), '='), '+/', '-_'), at, at, at + life, at
    FROM generate_series(${there.history + 1}, ${history}) AS n,
      LATERAL (SELECT CASE WHEN n <= ${end} THEN now() - n % 3000 * interval '1 second'
        ELSE now() - interval '1 day' - n % 2500000 * interval '1 second' END AS at, interval '1 hour' AS life) AS times
    ORDER BY at`);
  await administration.query('VACUUM ANALYZE nowgg_revocation');
}

async function measure(title: string, databaseUrl: string): Promise<Row> {
  const emulator = await startNowggEmulator({ clients: [CLIENT] });
  const [player, banned] = [emulator.addPlayer(), emulator.addPlayer({ userId: 'the-banned-player' })];
  const tokens = [player, banned].map(({ userId }) => emulator.issueTokens({ userId }).token) as [string, string];
  const child = new Child<GuardedOperations>(PROCESS);
  try {
    const load = await child.call('start', { ...CLIENT, databaseUrl, baseUrl: emulator.url, isWatched: false });
    const residentMb = Math.max(load.residentBytes, await child.call('residentBytes')) / 2 ** 20;
    const answers: string[] = [];
    for (let round = 0; round < 3; round += 1) for (const token of tokens) answers.push(await child.call('ask', token));
    const idleMs = await child.call('idle', IDLE_S);
    const questions = emulator.requestCount('verify-token');
    const [valid = '', refused = ''] = answers;
    const { heldUp, residentBytes } = await watched(databaseUrl, emulator.url);
    const memory = { residentMb, residentInSmallHeapMb: residentBytes / 2 ** 20 };
    return { title, ...load, ...memory, heldUp, idleMs, banned: refused, player: valid, questions };
  } finally {
    await child.stop();
    await emulator.close();
  }
}

async function watched(databaseUrl: string, baseUrl: string): Promise<LoadReport> {
  const child = new Child<GuardedOperations>(PROCESS, SMALL_HEAP);
  try {
    return await child.call('start', { ...CLIENT, databaseUrl, baseUrl, isWatched: true });
  } finally {
    await child.stop();
  }
}

async function run(options: RunOptions): Promise<void> {
  const postgres = await startMigratedPostgres();
  try {
    console.log(`${describeMachine()}\n`);
    await postgres.administration.query(`
      INSERT INTO nowgg_revocation (provider, kind, subject_id, refused_until, changed_at)
      VALUES ('nowgg', 'user', 'the-banned-player', now() + interval '1 year', now() - interval '90 days')`);
    const empty = await measure('none', postgres.url);
    const fifth = { history: Math.floor(options.history / 5), live: Math.floor(options.live / 5) };
    await plant(postgres, fifth);
    const small = await measure(titleOf(fifth), postgres.url);
    await plant(postgres, options, fifth);
    const full = await measure(titleOf(options), postgres.url);
    console.log(tableOf([empty, small, full]));
    if (full.banned !== 'user_banned' || full.player !== 'valid' || full.marks <= options.live) process.exitCode = 1;
  } finally {
    await postgres.stop();
  }
}

function titleOf({ history, live }: RunOptions): string {
  return `${history.toLocaleString('en')}, of which ${live.toLocaleString('en')} matter`;
}

function tableOf(rows: readonly Row[]): string {
  const [empty] = rows as readonly [Row];
  const right = (heading: string) => ({ heading, align: 'right' }) as const;
  return markdownTable(
    [
      { heading: 'sign-outs in the history' },
      right('ready, s'),
      right('× none'),
      right('CPU until ready, s'),
      right('longest stall, ms'),
      right('in CPU time, ms'),
      right('marks in memory'),
      right('RSS, MB'),
      right('in the small heap'),
      right('CPU while idle, ms/s'),
      { heading: 'banned player' },
      { heading: 'player' },
      right('verify-token'),
    ],
    rows.map((row) => [
      row.title,
      (row.readyMs / 1_000).toFixed(1),
      (row.readyMs / empty.readyMs).toFixed(1),
      (row.processorMs / 1_000).toFixed(1),
      row.heldUp?.byClockMs.toFixed(0) ?? '',
      row.heldUp?.byProcessorMs?.toFixed(0) ?? '',
      String(row.marks),
      row.residentMb.toFixed(0),
      row.residentInSmallHeapMb.toFixed(0),
      row.idleMs.toFixed(1),
      row.banned,
      row.player,
      String(row.questions),
    ]),
  );
}

await runProgram({ usage: USAGE, readArguments, run, limitMs: 590_000 });
