import { Module } from '@nestjs/common';
import { PlayersModule } from '../players/players.module.js';
import { LobbyGateway } from './lobby.gateway.js';

@Module({ imports: [PlayersModule], providers: [LobbyGateway] })
export class LobbyModule {}
