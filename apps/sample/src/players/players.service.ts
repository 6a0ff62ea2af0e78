import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { NowggPrincipal, NowggUserInfo } from 'nestjs-nowgg-auth';
import { Repository } from 'typeorm';
import { displayNameFrom } from './display-name.js';
import { Player } from './player.entity.js';

@Injectable()
export class PlayersService {
  readonly #players: Repository<Player>;

  constructor(@InjectRepository(Player) players: Repository<Player>) {
    this.#players = players;
  }

  /** The player behind an authenticated caller, if there is a row. */
  async find({ provider, userId }: NowggPrincipal): Promise<Player | null> {
    return this.#players.findOneBy({ provider, userId });
  }

  /** The player behind an authenticated caller; a new player gets a row. */
  async getFor(caller: NowggPrincipal): Promise<Player> {
    const { player } = await this.findOrAdd(caller);
    return player;
  }

  /**
   * The player behind an authenticated caller, and whether this call made the row. Players of different identity
   * systems are never the same player.
   */
  async findOrAdd({ provider, userId, name }: NowggPrincipal): Promise<{ player: Player; isNew: boolean }> {
    const known = await this.#players.findOneBy({ provider, userId });
    if (known) return { player: known, isNew: false };
    // Two first calls at the same time: one inserts, the other finds.
    const { raw } = await this.#players
      .createQueryBuilder()
      .insert()
      .values({ provider, userId, displayName: displayNameFrom(name) })
      .orIgnore()
      .returning('id')
      .execute();
    const player = await this.#players.findOneByOrFail({ provider, userId });
    return { player, isNew: Array.isArray(raw) && raw.length === 1 };
  }

  /**
   * Stores the fields of a now.gg profile that the game shows; a field that the profile does not have stays as it was.
   */
  async rememberProfile(playerId: string, profile: NowggUserInfo): Promise<void> {
    const displayName = displayNameFrom(profile.name);
    const countryCode = /^[A-Z]{2}$/.test(profile.countryCode ?? '') ? profile.countryCode : undefined;
    await this.#players.update(
      { id: playerId },
      {
        profileSyncedAt: () => 'now()',
        ...(displayName !== null && { displayName }),
        ...(countryCode !== undefined && { countryCode }),
      },
    );
  }
}
