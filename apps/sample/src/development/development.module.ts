import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Player } from '../players/player.entity.js';
import { DevelopmentControls } from './development-controls.js';
import { DevelopmentController } from './development.controller.js';
import { VerificationCounters } from './verification-counters.js';

/** Tools for the page. Not mounted in an app with real players. */
@Module({})
export class DevelopmentModule {
  static register(controls: DevelopmentControls): DynamicModule {
    return {
      module: DevelopmentModule,
      imports: [TypeOrmModule.forFeature([Player])],
      controllers: [DevelopmentController],
      providers: [VerificationCounters, { provide: DevelopmentControls, useValue: controls }],
    };
  }
}
