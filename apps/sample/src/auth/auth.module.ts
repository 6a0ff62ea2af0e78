import { Module } from '@nestjs/common';
import { NowggAuthModule } from 'nestjs-nowgg-auth';
import { typeOrmRevocationStore, typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { SampleConfig } from '../config/sample-config.js';
import { PlayersModule } from '../players/players.module.js';
import { AuthController } from './auth.controller.js';

/** Every route of the app needs a player's token, unless it says `@Public()`. */
@Module({
  imports: [
    NowggAuthModule.forRootAsync({
      tokenStore: typeOrmTokenStore(),
      // So that a player who signed out, or was banned, is refused by every process at once.
      revocationStore: typeOrmRevocationStore(),
      globalGuard: true,
      // The guard does all; nothing here uses Passport.
      strategyName: false,
      inject: [SampleConfig],
      useFactory: ({ nowgg, encryptionKeys }: SampleConfig) => ({
        clientId: nowgg.clientId,
        clientSecret: nowgg.clientSecret,
        baseUrl: nowgg.baseUrl,
        realm: 'game',
        tokens: { encryptionKeys },
      }),
    }),
    PlayersModule,
  ],
  controllers: [AuthController],
})
export class AuthModule {}
