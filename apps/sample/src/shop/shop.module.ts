import { Module } from '@nestjs/common';
import { PlayersModule } from '../players/players.module.js';
import { ShopController } from './shop.controller.js';
import { ShopService } from './shop.service.js';

@Module({ imports: [PlayersModule], controllers: [ShopController], providers: [ShopService] })
export class ShopModule {}
