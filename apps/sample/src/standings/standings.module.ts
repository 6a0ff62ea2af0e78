import { Module } from '@nestjs/common';
import { ApiKeyStrategy } from '../auth/api-key.strategy.js';
import { ScoresModule } from '../scores/scores.module.js';
import { StandingsController } from './standings.controller.js';

@Module({ imports: [ScoresModule], controllers: [StandingsController], providers: [ApiKeyStrategy] })
export class StandingsModule {}
