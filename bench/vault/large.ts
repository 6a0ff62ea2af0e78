import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { NowggVaultService } from 'nestjs-nowgg-auth';
import { typeOrmRevocationStore, typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { DataSource } from 'typeorm';
import { readCount, runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { markdownTable } from '../support/markdown-table.js';
import { startMigratedPostgres } from '../support/migrated-postgres.js';
import { plantLargeVault } from './large-vault.js';

interface RunOptions {
  readonly grants: number;
  readonly ended: number;
}

const USAGE = `npm run bench:vault:large -- [options]

  --grants N   grants in the vault (10000000: some 8 GB of disk)
  --ended N    of them, grants that a sweep deletes (40000)`;
const LIMIT_MS = 3_600_000;
const KEY_ID = 'k1';
/** A quarter of the memory of a small database server. */
const SETTINGS = { shared_buffers: '1GB', maintenance_work_mem: '512MB', max_wal_size: '8GB' };
function readArguments(args: readonly string[]): RunOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      grants: { type: 'string', default: '10000000' },
      ended: { type: 'string', default: '40000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const grants = readCount('grants', values.grants, 100_000_000);
  return { grants, ended: readCount('ended', values.ended, grants) };
}

async function run({ grants, ended }: RunOptions): Promise<void> {
  const postgres = await startMigratedPostgres(SETTINGS);
  try {
    await plantLargeVault(postgres.administration, KEY_ID, { grants, ended });
    console.log(`${describeMachine()}; ${grants} grants, ${ended} of them to be deleted.\n`);
    const upkeep = await openUpkeep(postgres.url);
    const rows: string[][] = [];
    for (const [command, work] of Object.entries(upkeep.commands)) {
      const { seconds, statements, longestMs, result } = await upkeep.measure(work);
      rows.push([command, seconds.toFixed(2), String(statements), longestMs.toFixed(0), JSON.stringify(result)]);
    }
    await upkeep.close();
    const right = (heading: string) => ({ heading, align: 'right' }) as const;
    console.log(
      markdownTable(
        [{ heading: 'work' }, right('seconds'), right('statements'), right('longest, ms'), { heading: 'result' }],
        rows,
      ),
    );
  } finally {
    await postgres.stop();
  }
}

/** The work of the commands, without the start of their processes, on connections that end a statement after 10 s. */
async function openUpkeep(url: string) {
  const dataSource = await new DataSource({
    type: 'postgres',
    url,
    poolSize: 2,
    installExtensions: false,
    extra: { options: '-c statement_timeout=10s' },
  }).initialize();
  const { SystemClock } = (await import(new URL('clock.js', import.meta.resolve('nestjs-nowgg-auth')).href)) as {
    SystemClock: new () => Parameters<ReturnType<typeof typeOrmTokenStore>['create']>[0]['clock'];
  };
  const context = { clock: new SystemClock() };
  const vault = new NowggVaultService({
    store: typeOrmTokenStore({ poolSize: 0 }).create(context, dataSource),
    revocationStore: typeOrmRevocationStore({ poolSize: 0, notify: false }).create(context, dataSource),
    identityProviders: { getOrOnly: (name = 'nowgg') => ({ name }) },
    encryptionKeys: [{ id: KEY_ID, key: randomBytes(32).toString('base64') }],
  });
  let durations: number[] = [];
  const send = dataSource.query.bind(dataSource);
  dataSource.query = async (...statement: Parameters<typeof send>) => {
    const startedAt = performance.now();
    const answer: unknown = await send(...statement);
    durations.push(performance.now() - startedAt);
    // The type of the answer is the caller's choice, which a wrapper cannot repeat.
    return answer as never;
  };
  return {
    commands: {
      status: async () => sum((await vault.status()).byState),
      'rotate, nothing to do': async () => vault.rotate(),
      'rotate, dry run': async () => vault.rotate({ dryRun: true }),
      'sweep, dry run': async () => vault.sweep({ dryRun: true }),
      sweep: async () => vault.sweep(),
      'sweep, nothing to do': async () => vault.sweep(),
      'status again': async () => sum((await vault.status()).byState),
    },
    measure: async (work: () => Promise<unknown>) => {
      durations = [];
      const startedAt = performance.now();
      const result = await work();
      const seconds = (performance.now() - startedAt) / 1_000;
      return { seconds, statements: durations.length, longestMs: Math.max(...durations), result };
    },
    close: async () => dataSource.destroy(),
  };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

await runProgram({ usage: USAGE, readArguments, run, limitMs: LIMIT_MS });
