import type { InjectionToken } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { TokenStoreWiring } from '../tokens/store/token-store-wiring.js';
import { dataSourceToken } from './database/data-source-token.js';
import { TokenDatabase } from './database/token-database.js';
import { TypeOrmTokenStore } from './typeorm-token-store.js';

export interface TypeOrmTokenStoreOptions {
  /**
   * Whose database: a DataSource's name as in `TypeOrmModule.forRoot({ name })`, or any injection token of one. Default:
   * the `DataSource` class, under which @nestjs/typeorm provides the unnamed one.
   */
  dataSource?: InjectionToken;
  /**
   * Connections of a pool of its own, so that an application that uses up its pool stalls no refresh. 0 shares the
   * DataSource's. Default 2; with a DataSource of one connection, as an embedded database has it, 0.
   */
  poolSize?: number;
}

/** Keeps grants in PostgreSQL through TypeORM: pass it as `tokenStore`. Needs `nowggMigrations` to have run. */
export function typeOrmTokenStore({ dataSource, poolSize }: TypeOrmTokenStoreOptions = {}): TokenStoreWiring {
  return {
    inject: [dataSourceToken(dataSource)],
    create: ({ clock }, injected) => {
      return new TypeOrmTokenStore(new TokenDatabase(injected as DataSource, poolSize, clock));
    },
  };
}
