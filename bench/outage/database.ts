import { startNowggEmulator } from 'nowgg-emulator';
import { SourceProcess } from '../../test/support/processes/source-process.js';
import { inDatabase, startPostgresCluster } from '../../test/support/servers/postgres-cluster.js';
import { migratedDataSource } from '../../test/support/token-service/migrated-database.js';
import { markdownTable } from '../support/markdown-table.js';
import type { GuardedGameStart } from './guarded-game.js';
import { SteadyLoad } from './steady-load.js';

const CLIENT = { clientId: 'game', clientSecret: 'secret of the game' };
const PLAYERS = 1_000;
const NEWCOMERS_A_SECOND = 10;
/** Verdicts of a fixed age: calls do not become fewer with time, so that periods can be compared. */
const VERIFICATION = { longestAgeMs: 30_000 };
/** Calls to now.gg while the database is away, compared with those before. */
const MOST = 1.2;

interface Period {
  readonly title: string;
  readonly sent: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly bannedAnswers: Readonly<Record<string, number>>;
  readonly calls: number;
}

/** Measures calls to now.gg before, while and after the database is away. @returns whether the rule held */
export async function databaseAway({ seconds, rate }: { readonly seconds: number; readonly rate: number }) {
  const cluster = await startPostgresCluster();
  const emulator = await startNowggEmulator({ clients: [CLIENT] });
  const game = new SourceProcess('bench/outage/guarded-game.ts');
  try {
    const databaseUrl = await cluster.createDatabase();
    await (await migratedDataSource(databaseUrl)).destroy();
    const tokenOf = ({ userId }: { readonly userId: string }) => emulator.issueTokens({ userId }).token;
    const banned = tokenOf(emulator.addPlayer({ userId: 'banned' }));
    await inDatabase(databaseUrl, (client) =>
      client.query(`INSERT INTO nowgg_revocation (provider, kind, subject_id, refused_until, changed_at)
        VALUES ('nowgg', 'user', 'banned', now() + interval '1 year', now())`),
    );
    const start: GuardedGameStart = {
      databaseUrl,
      options: { ...CLIENT, baseUrl: emulator.url, verification: VERIFICATION },
    };
    const { url } = await game.ask<{ url: string }>(start);
    const known = Array.from({ length: PLAYERS }, () => tokenOf(emulator.addPlayer()));
    const load = new SteadyLoad(`${url}/me`, {
      known,
      banned,
      newcomer: () => tokenOf(emulator.addPlayer()),
      newcomersPerSecond: NEWCOMERS_A_SECOND,
    });
    const period = async (title: string): Promise<Period> => {
      const before = emulator.requestCount('verify-token');
      const answered = await load.run(seconds, rate);
      return { title, ...answered, calls: emulator.requestCount('verify-token') - before };
    };
    await load.begin(Math.ceil(seconds / 2), rate);
    const before = await period('before');
    await cluster.goDown();
    const away = await period('database away');
    await cluster.start();
    const after = await period('after');
    load.close();
    console.log(tableOf([before, away, after]));
    const periods = [before, away, after];
    const isServed = periods.every(({ sent, answers }) => answers['200'] === sent);
    const isRefused = periods.every(({ bannedAnswers }) => Object.keys(bannedAnswers).join() === '401');
    return isServed && isRefused && away.calls <= MOST * before.calls;
  } finally {
    await game[Symbol.asyncDispose]();
    await emulator.close();
    await cluster.stop();
  }
}

function tableOf(periods: readonly Period[]): string {
  const [{ calls: callsBefore }] = periods as readonly [Period];
  const right = (heading: string) => ({ heading, align: 'right' }) as const;
  return markdownTable(
    [
      { heading: 'period' },
      right('requests of players'),
      { heading: 'answers' },
      { heading: 'banned player' },
      right('calls to now.gg'),
      right('× before'),
    ],
    periods.map(({ title, sent, answers, bannedAnswers, calls }) => [
      title,
      String(sent),
      listed(answers),
      listed(bannedAnswers),
      String(calls),
      (calls / callsBefore).toFixed(2),
    ]),
  );
}

function listed(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ');
}
