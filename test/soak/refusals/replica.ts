import { setTimeout as pause } from 'node:timers/promises';
import type { SoakDatabase } from '../soak-database.js';

const TABLES = ['nowgg_grant', 'nowgg_client', 'nowgg_client_count'] as const;
const COPIES_EVERY_MS = 1_000;
const DEADLOCK = '40P01';

/** A copy of the tables that lags by up to a second, and to which the database can fail over. */
export class Replica {
  readonly #database: SoakDatabase;
  readonly #stopping = new AbortController();
  #copying: Promise<void> = Promise.resolve();
  #following: Promise<void> = Promise.resolve();

  private constructor(database: SoakDatabase) {
    this.#database = database;
  }

  static async start(database: SoakDatabase): Promise<Replica> {
    const replica = new Replica(database);
    const { dataSource, schema } = database;
    for (const table of TABLES) {
      await dataSource.query(`CREATE TABLE ${schema}.${table}_copy (LIKE ${schema}.${table})`);
    }
    await replica.#copy();
    replica.#following = replica.#follow();
    return replica;
  }

  /** The database loses what was written since the last copy, and every connection to it. */
  async takeOver(): Promise<void> {
    await this.#copying;
    while (!(await this.#isRestored()));
    await this.#database.cutConnections('soak-refusals');
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#following;
    const { dataSource, schema } = this.#database;
    for (const table of TABLES) await dataSource.query(`DROP TABLE ${schema}.${table}_copy`);
  }

  /** @returns false when a statement of a process that needs two of the tables was in the way */
  async #isRestored(): Promise<boolean> {
    const { dataSource, schema } = this.#database;
    try {
      await dataSource.transaction(async (manager) => {
        for (const table of TABLES) {
          await manager.query(`LOCK TABLE ${schema}.${table} IN ACCESS EXCLUSIVE MODE`);
          await manager.query(`DELETE FROM ${schema}.${table}`);
          await manager.query(`INSERT INTO ${schema}.${table} SELECT * FROM ${schema}.${table}_copy`);
        }
      });
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code !== DEADLOCK) throw error;
      return false;
    }
  }

  async #follow(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await pause(COPIES_EVERY_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      this.#copying = this.#copy();
      await this.#copying;
    }
  }

  async #copy(): Promise<void> {
    const { dataSource, schema } = this.#database;
    await dataSource.transaction('REPEATABLE READ', async (manager) => {
      for (const table of TABLES) {
        await manager.query(`DELETE FROM ${schema}.${table}_copy`);
        await manager.query(`INSERT INTO ${schema}.${table}_copy SELECT * FROM ${schema}.${table}`);
      }
    });
  }
}
