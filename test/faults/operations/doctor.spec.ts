import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCommand } from '../../../libs/nowgg-auth/src/cli/run.js';
import { inDatabase } from '../../support/servers/postgres-cluster.js';
import { until } from '../../redis/support.js';
import { freePort } from '../../support/servers/free-port.js';
import { ObservedGame } from './observed-game.js';

interface Finding {
  readonly area: string;
  readonly check: string;
  readonly status: string;
  readonly message: string;
  readonly advice?: string;
}

let game: ObservedGame;

beforeAll(async () => {
  game = await ObservedGame.start();
  await until(async () => (await game.signIn()).status === 200);
}, 120_000);
afterAll(async () => {
  await game[Symbol.asyncDispose]();
}, 60_000);

async function run(args: readonly string[], variables: Readonly<Record<string, string>>) {
  let [printed, complained] = ['', ''];
  const exitCode = await runCommand(['doctor', ...args], {
    variables,
    terminal: {
      print: (text) => void (printed += text),
      complain: (text) => void (complained += text),
      overwrites: false,
    },
    interruption: () => new AbortController().signal,
  });
  expect(game.leaks(printed + complained)).toEqual([]);
  return { exitCode, printed, complained };
}

/** Everything in order; the password of the database is one more secret. */
function environment(changes: Readonly<Record<string, string>> = {}): Record<string, string> {
  const url = new URL(game.databaseUrl);
  url.password = game.planted.plant('database-password');
  return {
    NOWGG_CLIENT_ID: 'game',
    NOWGG_CLIENT_SECRET: game.clientSecret,
    NOWGG_BASE_URL: game.emulator.url,
    NOWGG_TOKEN: game.newToken(),
    NOWGG_ENCRYPTION_KEYS: `k1:${game.key}`,
    DATABASE_URL: url.href,
    REDIS_URL: `redis://127.0.0.1:${game.redis.port}`,
    ...changes,
  };
}

async function examine(changes: Readonly<Record<string, string>> = {}) {
  const { exitCode, printed } = await run(['--json'], environment(changes));
  const { findings } = JSON.parse(printed) as { findings: readonly Finding[] };
  const status = Object.fromEntries(findings.map((each) => [`${each.area} ${each.check}`, each.status]));
  const bad = findings.filter((each) => each.status === 'failed');
  return { exitCode, status, bad: bad.map(({ area, check, message }) => `${area} ${check}: ${message}`) };
}

describe('doctor', () => {
  it('finds everything well, and asks one question', async () => {
    const before = game.emulator.requestCount();
    const { exitCode, status, bad } = await examine();
    expect([exitCode, bad]).toEqual([0, []]);
    expect(status).toEqual({
      'configuration client': 'ok',
      'identity dns': 'ok',
      'identity tls': 'warning',
      'identity call': expect.stringMatching(/ok|warning/),
      'identity clock': 'ok',
      'identity credentials': 'ok',
      'database connection': 'ok',
      'database version': 'ok',
      'database schema': 'ok',
      'database connections': 'ok',
      'database migrations': 'ok',
      'database indexes': 'ok',
      'database keys': 'ok',
      'redis ping': expect.stringMatching(/ok|warning/),
    });
    expect(game.emulator.requestCount()).toBe(before + 1);
  });

  it('prints a line and an advice for a person', async () => {
    const { printed, exitCode } = await run([], environment({ NOWGG_TOKEN: '' }));
    expect(exitCode).toBe(0);
    expect(printed).toMatch(/^ok {7}configuration client/);
    expect(printed).toMatch(/skipped {2}identity credentials .*\n *→ put a valid access token into NOWGG_TOKEN/);
  });

  it.each<[string, () => Promise<Record<string, string>> | Record<string, string>, RegExp]>([
    [
      'a wrong secret',
      () => ({ NOWGG_CLIENT_SECRET: game.planted.plant('secret') }),
      /^identity credentials: the token is/,
    ],
    [
      'an unknown host',
      () => ({ NOWGG_BASE_URL: 'https://nowhere.invalid' }),
      /^identity dns: the host has no address/,
    ],
    ['a silent port', async () => ({ NOWGG_BASE_URL: `http://127.0.0.1:${await freePort()}` }), /ECONNREFUSED/],
    ['another service', () => ({ NOWGG_BASE_URL: game.url }), /^identity call: verify-token answers with status/],
    ['no client', () => ({ NOWGG_CLIENT_ID: '' }), /^configuration client: NOWGG_CLIENT_ID is not set/],
    [
      'no database there',
      async () => ({ DATABASE_URL: `postgres://u@127.0.0.1:${await freePort()}/x` }),
      /no server listens/,
    ],
    [
      'no such database',
      () => ({ DATABASE_URL: game.databaseUrl.replace(/[^/]+$/, 'missing') }),
      /no database of this name/,
    ],
    [
      'no tables',
      async () => ({ DATABASE_URL: await game.cluster.createDatabase() }),
      /^database schema: the database lacks/,
    ],
    ['a missing key', () => ({ NOWGG_ENCRYPTION_KEYS: `k9:${game.key}` }), /^database keys: not in the ring: k1/],
    [
      'a key that cannot be read',
      () => ({ NOWGG_ENCRYPTION_KEYS: game.planted.plant('key') }),
      /^configuration keys: /,
    ],
    [
      'no Redis there',
      async () => ({ REDIS_URL: `redis://:planted@127.0.0.1:${await freePort()}` }),
      /^redis ping: .*ECONNREFUSED/,
    ],
  ])('finds %s', async (_what, changes, found) => {
    const { exitCode, bad } = await examine(await changes());
    expect(exitCode).toBe(1);
    expect(bad.filter((line) => found.test(line))).toHaveLength(1);
  });

  it('finds an index that is not valid and a migration that was not run', async () => {
    await inDatabase(game.databaseUrl, async (client) => {
      await client.query(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'nowgg_grant_pk'::regclass`);
      await client.query(`DELETE FROM migrations WHERE name LIKE 'AddBoundedUpkeep%'`);
    });
    const { bad } = await examine();
    expect(bad).toEqual([
      expect.stringMatching(/^database migrations: not done: AddBoundedUpkeep\d+$/),
      'database indexes: not valid: nowgg_grant_pk',
    ]);
  });

  it('refuses arguments that it does not have, and names no value', async () => {
    const { exitCode, complained } = await run(['planted-value'], {});
    expect([exitCode, complained]).toEqual([2, expect.stringContaining('doctor takes no arguments')]);
    expect((await run(['--dry-run'], {})).complained).toContain('doctor has no option --dry-run');
  });
});
