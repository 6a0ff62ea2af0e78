import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { NowggPrincipal } from 'nestjs-nowgg-auth';
import { DataSource, type EntityManager } from 'typeorm';
import { GameError } from '../http/game-error.js';
import { Player } from '../players/player.entity.js';
import { PlayersService } from '../players/players.service.js';
import { catalogue } from './catalogue.js';
import { Purchase } from './purchase.entity.js';

export interface PurchaseView {
  readonly purchaseId: string;
  readonly item: string;
  readonly price: number;
  readonly coinsLeft: number;
}

@Injectable()
export class ShopService {
  readonly #dataSource: DataSource;
  readonly #players: PlayersService;

  constructor(@InjectDataSource() dataSource: DataSource, players: PlayersService) {
    this.#dataSource = dataSource;
    this.#players = players;
  }

  /** Buys an item, once per purchase id, even if calls are repeated or come at the same time. @throws GameError */
  async buy(caller: NowggPrincipal, purchaseId: string, item: string): Promise<PurchaseView> {
    const offer = catalogue.find((candidate) => candidate.item === item);
    if (!offer) throw new GameError(404, 'unknown_item', 'the shop does not sell this item');
    const player = await this.#players.getFor(caller);
    return this.#dataSource.transaction(async (manager) => {
      const purchase = { id: purchaseId, playerId: player.id, item, price: offer.price };
      const isNew = await insertOnce(manager, purchase);
      if (!isNew) await expectSame(manager, purchase);
      const coinsLeft = isNew ? await pay(manager, player.id, offer.price) : await coinsOf(manager, player.id);
      return { purchaseId, item, price: offer.price, coinsLeft };
    });
  }
}

async function insertOnce(manager: EntityManager, purchase: Omit<Purchase, 'player' | 'createdAt'>): Promise<boolean> {
  const rows: unknown[] = await manager.query(
    `INSERT INTO purchases (id, player_id, item, price) VALUES ($1, $2, $3, $4)
     ON CONFLICT (id) DO NOTHING RETURNING id`,
    [purchase.id, purchase.playerId, purchase.item, purchase.price],
  );
  return rows.length === 1;
}

async function expectSame(manager: EntityManager, { id, playerId, item }: Pick<Purchase, 'id' | 'playerId' | 'item'>) {
  const known = await manager.existsBy(Purchase, { id, playerId, item });
  if (!known) throw new GameError(409, 'purchase_id_taken', 'this purchase id belongs to another purchase');
}

/** Takes the coins in one statement, only where there are enough: no read before it could be out of date. */
async function pay(manager: EntityManager, playerId: string, price: number): Promise<number> {
  const { affected } = await manager
    .createQueryBuilder()
    .update(Player)
    .set({ coins: () => 'coins - :price' })
    .where('id = :playerId AND coins >= :price', { playerId, price })
    .execute();
  if (affected !== 1) throw new GameError(409, 'not_enough_coins', 'the player does not have enough coins');
  return coinsOf(manager, playerId);
}

async function coinsOf(manager: EntityManager, playerId: string): Promise<number> {
  return (await manager.findOneByOrFail(Player, { id: playerId })).coins;
}
