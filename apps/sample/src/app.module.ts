import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { NowggAuthExceptionFilter } from 'nestjs-nowgg-auth';
import { AuthModule } from './auth/auth.module.js';
import { ConfigModule } from './config/config.module.js';
import type { SampleConfig } from './config/sample-config.js';
import { DatabaseModule } from './database/database.module.js';
import type { DevelopmentControls } from './development/development-controls.js';
import { DevelopmentModule } from './development/development.module.js';
import { HealthController } from './health/health.controller.js';
import { UnexpectedErrorFilter } from './http/unexpected-error.filter.js';
import { JobsModule } from './jobs/jobs.module.js';
import { LeaderboardModule } from './leaderboard/leaderboard.module.js';
import { LobbyModule } from './lobby/lobby.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { PageModule } from './page/page.module.js';
import { PlayersModule } from './players/players.module.js';
import { ScoresModule } from './scores/scores.module.js';
import { ShopModule } from './shop/shop.module.js';
import { StandingsModule } from './standings/standings.module.js';

/** A game backend: players, scores and purchases. */
@Module({})
export class AppModule {
  /** @param development tools for the page, when the identity systems only replace real ones */
  static register(config: SampleConfig, development?: DevelopmentControls): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.register(config),
        DatabaseModule.register(config),
        AuthModule.register(config, development !== undefined),
        PlayersModule,
        ScoresModule,
        ...(config.gameServerKey === undefined ? [] : [StandingsModule]),
        ...(config.metricsKey === undefined ? [] : [MetricsModule.register()]),
        ShopModule,
        LobbyModule,
        LeaderboardModule,
        JobsModule,
        ...(development ? [DevelopmentModule.register(development)] : []),
        PageModule.register(config, development !== undefined),
      ],
      controllers: [HealthController],
      providers: [
        // Nest tries the later filter first.
        { provide: APP_FILTER, useClass: UnexpectedErrorFilter },
        { provide: APP_FILTER, useExisting: NowggAuthExceptionFilter },
      ],
    };
  }
}
