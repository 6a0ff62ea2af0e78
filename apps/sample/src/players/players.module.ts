import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { MeController } from './me.controller.js';
import { Player } from './player.entity.js';
import { PlayersService } from './players.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Player])],
  controllers: [MeController],
  providers: [PlayersService],
  exports: [PlayersService],
})
export class PlayersModule {}
