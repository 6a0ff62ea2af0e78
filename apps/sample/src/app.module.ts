import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { NowggAuthExceptionFilter } from 'nestjs-nowgg-auth';
import { AuthModule } from './auth/auth.module.js';
import { ConfigModule } from './config/config.module.js';
import type { SampleConfig } from './config/sample-config.js';
import { DatabaseModule } from './database/database.module.js';
import { HealthController } from './health/health.controller.js';
import { UnexpectedErrorFilter } from './http/unexpected-error.filter.js';
import { JobsModule } from './jobs/jobs.module.js';
import { PlayersModule } from './players/players.module.js';
import { ScoresModule } from './scores/scores.module.js';
import { ShopModule } from './shop/shop.module.js';

/** A game backend: who plays, how well, and what he buys. */
@Module({})
export class AppModule {
  static register(config: SampleConfig): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.register(config),
        DatabaseModule.register(config),
        AuthModule.register(config),
        PlayersModule,
        ScoresModule,
        ShopModule,
        JobsModule,
      ],
      controllers: [HealthController],
      providers: [
        // The later filter is asked first.
        { provide: APP_FILTER, useClass: UnexpectedErrorFilter },
        { provide: APP_FILTER, useExisting: NowggAuthExceptionFilter },
      ],
    };
  }
}
