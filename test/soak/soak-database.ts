import { randomBytes } from 'node:crypto';
import type { NowggEmulator } from 'nowgg-emulator';
import { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { nowggEntities, nowggMigrations, typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { inDatabase } from '../support/servers/postgres-cluster.js';
import { nowggProvider } from '../support/token-service/nowgg-provider.js';
import { RING } from '../support/token-service/token-service.js';
import { refreshTokenOf } from '../support/token-service/token-suite.js';
import { plantGrants } from '../support/vault-grants.js';

export interface SoakGrant {
  readonly grantId: string;
  readonly userId: string;
}

/** The tables of a soak, in a schema of their own that is dropped at the end. */
export class SoakDatabase {
  private constructor(
    readonly url: string,
    readonly schema: string,
    readonly dataSource: DataSource,
    readonly store: TokenStore,
  ) {}

  static async open(url: string): Promise<SoakDatabase> {
    const schema = `nowgg_soak_${randomBytes(4).toString('hex')}`;
    await inDatabase(url, (client) => client.query(`CREATE SCHEMA ${schema}`));
    const dataSource = await new DataSource({
      type: 'postgres',
      url,
      schema,
      entities: nowggEntities,
      migrations: nowggMigrations,
      migrationsRun: true,
      installExtensions: false,
    }).initialize();
    const store = typeOrmTokenStore().create({ clock: new SystemClock() }, dataSource);
    return new SoakDatabase(url, schema, dataSource, store);
  }

  /** A grant of a new player, whose refresh token now.gg knows. */
  async createGrant(nowgg: NowggEmulator): Promise<SoakGrant> {
    const { clientKey } = nowggProvider({ nowggUrl: nowgg.url, clock: new SystemClock() });
    const [grantId = ''] = await plantGrants(this.dataSource, RING[0], 1, {
      table: this.#grants,
      clientKey,
      expiresInMs: -1_000,
      refreshTokenOf: (id) => refreshTokenOf(nowgg, `player-${id}`),
    });
    return { grantId, userId: `player-${grantId}` };
  }

  /** Its access token is over from now on. @returns the generation of that token */
  async expire(grantId: string): Promise<number> {
    const [row] = await this.#rows<{ generation: number }>(
      `WITH expired AS (
         UPDATE ${this.#grants} SET access_obtained_at = clock_timestamp() - interval '2 hours',
           access_not_after = clock_timestamp() - interval '1 second'
         WHERE id = $1 RETURNING generation)
       SELECT generation FROM expired`,
      [grantId],
    );
    if (!row) throw new Error('a row is gone');
    return row.generation;
  }

  /** State and generation of every grant, by id. */
  async states(): Promise<ReadonlyMap<string, { state: string; generation: number }>> {
    const rows = await this.#rows<{ id: string; state: string; generation: number }>(
      `SELECT id, state, generation FROM ${this.#grants}`,
    );
    return new Map(rows.map(({ id, ...row }) => [id, row]));
  }

  async cutConnections(applicationName: string): Promise<void> {
    const cut = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1';
    await this.#rows(cut, [applicationName]);
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.dataSource.query(`DROP SCHEMA ${this.schema} CASCADE`);
    await this.dataSource.destroy();
  }

  get #grants(): string {
    return `${this.schema}.nowgg_grant`;
  }

  async #rows<T>(statement: string, parameters: unknown[] = []): Promise<T[]> {
    return (await this.dataSource.query(statement, parameters)) as T[];
  }
}
