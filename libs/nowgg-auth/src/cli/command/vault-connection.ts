import type { DataSource } from 'typeorm';
import type { NowggClock } from '../../clock.js';
import type { RevocationStore } from '../../revocation/revocation-store.js';
import type { TokenStore } from '../../tokens/store/token-store.js';
import type { AuditTrail } from '../../trail/audit-trail.js';
import { CommandProblem } from './command-problem.js';

/** The stores of one database. */
export interface VaultConnection {
  readonly store: TokenStore;
  readonly revocationStore: RevocationStore;
  readonly trail: AuditTrail;
  /** Sends one statement that reads. */
  readonly query: <Row>(statement: string, parameters?: readonly unknown[]) => Promise<Row[]>;
  /** Names of the migrations of this release, as TypeORM records them. */
  readonly migrationNames: readonly string[];
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Opens the database.
 * @throws CommandProblem that says why the database cannot be reached, and nothing of its address
 */
export async function connectVault(
  url: string,
  schema: string | undefined,
  clock: NowggClock,
): Promise<VaultConnection> {
  // Optional peers: loaded here, so that help and wrong arguments are answered without them.
  const typeorm = await import('typeorm').catch(() => undefined);
  const pg = await import('pg').catch(() => undefined);
  if (!typeorm || !pg) {
    throw new CommandProblem('the packages typeorm and pg are needed, and are not installed: npm install typeorm pg');
  }
  const { nowggMigrations, typeOrmRevocationStore, typeOrmTokenStore } = await import('../../typeorm/index.js');
  const dataSource = await opened(
    () =>
      new typeorm.DataSource({
        type: 'postgres',
        url,
        ...(schema !== undefined && { schema }),
        poolSize: 2,
        connectTimeoutMS: CONNECT_TIMEOUT_MS,
        applicationName: 'nestjs-nowgg-auth vault',
        installExtensions: false,
        logging: false,
        // The statement that is affected reports the error.
        poolErrorHandler: () => undefined,
      }),
  );
  const sharesPool = { poolSize: 0 };
  const revocationStore = typeOrmRevocationStore({ ...sharesPool, notify: false }).create({ clock }, dataSource);
  return {
    store: typeOrmTokenStore(sharesPool).create({ clock }, dataSource),
    revocationStore,
    // A store in PostgreSQL has one.
    trail: revocationStore.audit as AuditTrail,
    query: async <Row>(statement: string, parameters: readonly unknown[] = []) =>
      dataSource.query<Row[]>(statement, [...parameters]),
    migrationNames: nowggMigrations.map(({ name }) => name),
    close: () => dataSource.destroy(),
  };
}

/** Creating a DataSource reads its URL, which may fail as well. */
async function opened(make: () => DataSource): Promise<DataSource> {
  try {
    return await make().initialize();
  } catch (error) {
    throw new CommandProblem(`the database cannot be opened: ${reasonOf(error)}`);
  }
}

/** Returns the reason by its code only: driver messages quote addresses, users and sometimes the whole URL. */
function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  switch (code) {
    case 'ECONNREFUSED':
      return 'no server listens at its address';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its host is unknown';
    case '28P01':
    case '28000':
      return 'the user or the password is refused';
    case '3D000':
      return 'there is no database of this name';
    default:
      return typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? code : 'no answer, or the URL cannot be read';
  }
}
