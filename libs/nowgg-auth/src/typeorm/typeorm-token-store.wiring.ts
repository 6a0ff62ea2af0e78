import type { InjectionToken } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { faultsOf, refuse, type Rules, wholeNumber } from '../rules.js';
import type { TokenStoreWiring } from '../tokens/store/token-store.js';
import { dataSourceToken } from './database/database-names.js';
import { TokenDatabase } from './database/token-database.js';
import { TypeOrmTokenStore } from './typeorm-token-store.js';

export interface TypeOrmTokenStoreOptions {
  /**
   * The DataSource to use: its name as in `TypeOrmModule.forRoot({ name })`, or any injection token of one. Default:
   * the `DataSource` class, under which @nestjs/typeorm provides the unnamed one.
   */
  dataSource?: InjectionToken;
  /**
   * Number of connections in the store's own pool, so that an application that uses up its pool does not stall
   * refreshes. 0 shares the pool of the DataSource. Default 2; with a DataSource of one connection, such as an embedded
   * database, 0.
   */
  poolSize?: number;
}

export const STORE_RULES: Rules<keyof TypeOrmTokenStoreOptions> = {
  // Nest accepts almost anything as an injection token.
  dataSource: () => [],
  poolSize: [wholeNumber(0, 10_000), 'must be a whole number, 0 to 10,000'],
};

/**
 * Keeps grants in PostgreSQL through TypeORM: pass it as `tokenStore`. Needs `nowggMigrations` to have run.
 *
 * @throws NowggConfigurationError with the name of every invalid option
 *
 * @example
 * ```ts
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
 *
 * export const auth = NowggAuthModule.forRoot({
 *   clientId: process.env.NOWGG_CLIENT_ID ?? '',
 *   clientSecret: process.env.NOWGG_CLIENT_SECRET ?? '',
 *   tokenStore: typeOrmTokenStore({ poolSize: 4 }),
 *   tokens: { encryptionKeys: [{ id: 'k1', key: process.env.NOWGG_KEY_1 ?? '' }] },
 * });
 * ```
 */
export function typeOrmTokenStore(options: TypeOrmTokenStoreOptions = {}): TokenStoreWiring {
  refuse(faultsOf(STORE_RULES, options, 'typeOrmTokenStore ', [undefined, null]));
  return {
    inject: [dataSourceToken(options.dataSource)],
    create: ({ clock }, injected) => {
      return new TypeOrmTokenStore(new TokenDatabase(injected as DataSource, options.poolSize, clock));
    },
  };
}
