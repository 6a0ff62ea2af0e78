import type { DataSource } from 'typeorm';
import type { RevocationStoreWiring } from '../revocation/revocation-store.js';
import { faultsOf, refuse, TRUE_OR_FALSE } from '../rules.js';
import { dataSourceToken } from './database/database-names.js';
import { TokenDatabase } from './database/token-database.js';
import { STORE_RULES, type TypeOrmTokenStoreOptions } from './typeorm-token-store.wiring.js';
import { TypeOrmRevocationStore } from './typeorm-revocation-store.js';

export interface TypeOrmRevocationStoreOptions extends TypeOrmTokenStoreOptions {
  /**
   * Whether to receive other processes' revocations by NOTIFY, on a connection outside the pool, and so within
   * milliseconds instead of at the next poll. Default true, and false where the database has one connection.
   */
  notify?: boolean;
}

/**
 * Keeps revocations in PostgreSQL through TypeORM, for every process that shares it: pass it as `revocationStore`.
 * Needs `nowggMigrations` to have run.
 *
 * @throws NowggConfigurationError with the name of every invalid option
 *
 * @example
 * ```ts
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { typeOrmRevocationStore } from 'nestjs-nowgg-auth/typeorm';
 *
 * export const auth = NowggAuthModule.forRoot({
 *   clientId: process.env.NOWGG_CLIENT_ID ?? '',
 *   clientSecret: process.env.NOWGG_CLIENT_SECRET ?? '',
 *   revocationStore: typeOrmRevocationStore(),
 * });
 * ```
 */
export function typeOrmRevocationStore(options: TypeOrmRevocationStoreOptions = {}): RevocationStoreWiring {
  const rules = { ...STORE_RULES, notify: TRUE_OR_FALSE };
  refuse(faultsOf(rules, options, 'typeOrmRevocationStore ', [undefined, null]));
  return {
    inject: [dataSourceToken(options.dataSource)],
    create: ({ clock }, injected) => {
      const database = new TokenDatabase(injected as DataSource, options.poolSize, clock);
      return new TypeOrmRevocationStore(database, clock, options.notify ?? database.poolSize > 0);
    },
  };
}
