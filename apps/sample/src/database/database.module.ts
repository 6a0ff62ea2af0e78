import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { nowggEntities, nowggMigrations } from 'nestjs-nowgg-auth/typeorm';
import type { DataSourceOptions } from 'typeorm';
import type { SampleConfig } from '../config/sample-config.js';
import { Player } from '../players/player.entity.js';
import { Score } from '../scores/score.entity.js';
import { Purchase } from '../shop/purchase.entity.js';
import { CreateGameTables1780000000000 } from './migrations/1780000000000-create-game-tables.js';
import { createMigratedDataSource } from './migrated-data-source.js';

/** The library's and the game's tables and migrations, the same on a real and on the embedded PostgreSQL. */
export function dataSourceOptions({ database }: SampleConfig): Extract<DataSourceOptions, { type: 'postgres' }> {
  return {
    type: 'postgres',
    url: database.url,
    applicationName: 'nowgg-sample',
    entities: [...nowggEntities, Player, Score, Purchase],
    migrations: [...nowggMigrations, CreateGameTables1780000000000],
    migrationsRun: true,
    synchronize: false,
    // gen_random_uuid() is built in; extensions need rights that an app should not have.
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    poolSize: database.poolSize,
    connectTimeoutMS: 5_000,
    // The embedded database has one session: its only connection stays open.
    extra: {
      idleTimeoutMillis: database.shared ? 30_000 : 0,
      ...(database.queryTimeoutMs > 0 && { query_timeout: database.queryTimeoutMs }),
    },
  };
}

@Module({})
export class DatabaseModule {
  static register(config: SampleConfig): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          useFactory: () => ({ ...dataSourceOptions(config), toRetry: () => false }),
          dataSourceFactory: (options) => createMigratedDataSource(options, config.database.shared),
        }),
      ],
    };
  }
}
