import { DataSource, type DataSourceOptions, type QueryRunner } from 'typeorm';
import type { NowggClock } from '../../clock.js';
import { NowggConfigurationError } from '../../errors.js';
import { FailureState } from '../../events/state-events.js';
import { causeOf, databaseError, isCallersFault, isMissingTable, isOverdue, isRepeatable } from './database-errors.js';
import { qualifiedTable, type TokenTables, tokenTables } from './database-names.js';
import { compareSchema, type ExpectedTable, type FoundTable, schemaStatements } from './schema-check.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

const REPEATS = 3;
const REPEAT_PAUSE_MS = 20;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 5_000;

/**
 * Sends single statements, each on a connection that is used for that statement only, and short transactions. By default it uses a small pool
 * of its own, so that an application that uses up its pool does not stall refreshes. It translates errors before it
 * throws them.
 */
export class TokenDatabase {
  readonly tables: TokenTables;
  readonly #applications: DataSource;
  /** Number of its own connections; 0 shares the application's. */
  readonly poolSize: number;
  readonly #clock: NowggClock;
  readonly #state: FailureState;
  #own: Promise<DataSource> | undefined;
  #closed = false;

  constructor(applications: DataSource, poolSize: number | undefined, clock: NowggClock) {
    if (applications.options.type !== 'postgres') {
      throw new NowggConfigurationError('the stores in TypeORM need a DataSource of type postgres');
    }
    this.#applications = applications;
    this.poolSize = poolSize ?? defaultPoolSize(applications.options);
    this.#clock = clock;
    this.#state = new FailureState(clock, 'store_unavailable');
    this.tables = tokenTables(applications);
  }

  /** @param statement begins with SELECT or WITH, so that every driver version returns plain rows */
  async rows<T>(statement: string, parameters: readonly unknown[]): Promise<T[]> {
    return this.#watched(() => this.#send<T>(statement, parameters));
  }

  /** Translates the error of a statement, and notes whether the database answers. */
  async #watched<T>(send: () => Promise<T>): Promise<T> {
    try {
      const found = await send();
      this.#state.succeeded();
      return found;
    } catch (error) {
      if (!this.#closed && !isCallersFault(error)) this.#state.failed(causeOf(error));
      throw databaseError(error);
    }
  }

  async #send<T>(statement: string, parameters: readonly unknown[]): Promise<T[]> {
    return this.#repeating(async () => {
      const opening = this.#dataSource();
      const own = this.#own;
      try {
        const dataSource = await opening;
        return await dataSource.query<T[]>(statement, [...parameters]);
      } catch (error) {
        if (isOverdue(error)) this.#discard(own);
        throw error;
      }
    });
  }

  /**
   * Sends statements in one transaction, all or none.
   * @returns the rows of the last one
   */
  async transaction<T>(statements: readonly (readonly [statement: string, parameters: readonly unknown[]])[]) {
    return this.#watched(() => this.#repeating(async () => this.#transact<T>(statements)));
  }

  async #transact<T>(statements: readonly (readonly [string, readonly unknown[]])[]): Promise<T[]> {
    const opening = this.#dataSource();
    const own = this.#own;
    try {
      const runner = (await opening).createQueryRunner();
      try {
        await runner.startTransaction();
        let rows: T[] = [];
        for (const [statement, parameters] of statements) rows = await runner.query(statement, [...parameters]);
        await runner.commitTransaction();
        return rows;
      } catch (error) {
        await (isOverdue(error)
          ? endConnection(runner)
          : runner.rollbackTransaction().catch(() => endConnection(runner)));
        throw error;
      } finally {
        await runner.release();
      }
    } catch (error) {
      if (isOverdue(error)) this.#discard(own);
      throw error;
    }
  }

  /** Sends a statement again that the database has rolled back because of another transaction, as after a deadlock. */
  async #repeating<T>(send: () => Promise<T>): Promise<T> {
    for (let repeat = 0; ; repeat += 1) {
      try {
        return await send();
      } catch (error) {
        if (repeat === REPEATS || !isRepeatable(error)) throw error;
        await this.#clock.wait(Math.random() * REPEAT_PAUSE_MS * 2 ** repeat);
      }
    }
  }

  /** Sends a statement over the application's pool, for statements that may take as long as the application's own. */
  async upkeepRows<T>(statement: string, parameters: readonly unknown[]): Promise<T[]> {
    return this.#watched(() => this.#repeating(async () => this.#applications.query<T[]>(statement, [...parameters])));
  }

  async row<T>(statement: string, parameters: readonly unknown[]): Promise<T | undefined> {
    return (await this.rows<T>(statement, parameters))[0];
  }

  /**
   * Compares the tables with those that a store needs. One statement, unless the tables are too old to have a version.
   * @param purpose see `compareSchema`
   * @throws NowggConfigurationError that names everything that is missing, or a newer major version
   */
  async checkSchema(expected: readonly ExpectedTable[], purpose: 'use' | 'prune' = 'use'): Promise<void> {
    const { describe, describeUnversioned } = schemaStatements(this.tables.schema);
    const names = expected.map(({ name }) => name);
    const parameters = [names, names.map((name) => qualifiedTable(this.#applications, name))];
    try {
      compareSchema(expected, await this.#send<FoundTable>(describe, parameters), purpose);
    } catch (error) {
      if (error instanceof NowggConfigurationError) throw error;
      if (!isMissingTable(error)) {
        this.#state.failed(causeOf(error));
        throw databaseError(error);
      }
      compareSchema(expected, await this.rows<FoundTable>(describeUnversioned, parameters), purpose);
    }
  }

  /** Returns the DataSource that statements use, for a caller that needs a connection outside the pool. */
  async pool(): Promise<DataSource> {
    return this.#dataSource();
  }

  /** Closes it permanently: a later statement fails. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#state.drop();
    const own = this.#own;
    this.#own = undefined;
    const dataSource = await own?.catch(() => undefined);
    await dataSource?.destroy();
  }

  /**
   * Discards a stuck pool. A connection that still waits for an answer goes back into its pool, and later statements
   * queue behind it. The next statement takes a new pool, unless another statement of the same pool has already
   * discarded it.
   */
  #discard(stuck: Promise<DataSource> | undefined): void {
    if (stuck === undefined || this.#own !== stuck) return;
    this.#own = undefined;
    void stuck.then((dataSource) => dataSource.destroy()).catch(() => undefined);
  }

  async #dataSource(): Promise<DataSource> {
    if (this.#closed) throw new Error('the store is closed');
    if (this.poolSize === 0) return this.#applications;
    this.#own ??= new DataSource(ownOptions(this.#applications.options as PostgresOptions, this.poolSize)).initialize();
    const opening = this.#own;
    try {
      return await opening;
    } catch (error) {
      // The next statement tries again.
      if (this.#own === opening) this.#own = undefined;
      throw error;
    }
  }
}

/** Ends a connection whose transaction cannot be ended: the pool must not give it to another statement. */
async function endConnection(runner: QueryRunner): Promise<void> {
  if (!runner.isTransactionActive) return;
  const connection = (await runner.connect()) as { end(): Promise<void> };
  // The pool drops a connection that is ending. The end itself may wait for the network.
  void connection.end().catch(() => undefined);
}

interface ConnectionEvents {
  on(event: 'error', listener: () => void): void;
}

/** Called by the pool with each new connection, before the pool hands the connection out. */
type Verify = (connection: ConnectionEvents, done: (error?: Error) => void) => void;

/**
 * Gives each connection a listener of its own before anything else has one. A database that is shutting down may accept
 * a connection and end it in one packet. Neither the pool nor TypeORM listens between these two, so the error would end
 * the process, and a token set that is not stored yet would be lost. The statement that wanted the connection fails in
 * any case. TypeORM opens the first connections itself, so a listener on the pool would come too late.
 */
function survivingItsEnd(verify: Verify | undefined): Verify {
  return (connection, done) => {
    connection.on('error', () => undefined);
    if (verify) verify(connection, done);
    else done();
  };
}

/**
 * 0 for a DataSource of one connection or with its own driver: an embedded database, which has no second connection.
 */
function defaultPoolSize(options: PostgresOptions): number {
  const { max } = (options.extra ?? {}) as { max?: unknown };
  return options.poolSize === 1 || max === 1 || options.driver !== undefined ? 0 : 2;
}

/** The application's connection options, without everything else that its DataSource does. */
function ownOptions(options: PostgresOptions, poolSize: number): PostgresOptions {
  return {
    ...options,
    entities: [],
    subscribers: [],
    migrations: [],
    synchronize: false,
    migrationsRun: false,
    dropSchema: false,
    installExtensions: false,
    cache: false,
    logging: false,
    poolSize,
    connectTimeoutMS: options.connectTimeoutMS ?? CONNECT_TIMEOUT_MS,
    extra: {
      // A database that disappears silently must not hold a statement until TCP gives up.
      query_timeout: STATEMENT_TIMEOUT_MS,
      keepAlive: true,
      ...(options.extra as object | undefined),
      max: poolSize,
      verify: survivingItsEnd((options.extra as { verify?: Verify } | undefined)?.verify),
      // An idle pool of the store must not keep a process alive that the application has otherwise finished with.
      allowExitOnIdle: true,
    },
  };
}
