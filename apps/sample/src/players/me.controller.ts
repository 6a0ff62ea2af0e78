import { Controller, Get, UseGuards } from '@nestjs/common';
import {
  NowggAccountService,
  NowggAuth,
  NowggAuthError,
  NowggAuthGuard,
  NowggPrincipal,
  type NowggSessionInfo,
  NowggUser,
  type NowggUserInfo,
} from 'nestjs-nowgg-auth';
import { BearerToken } from '../auth/bearer-token.decorator.js';
import { nowggProvider } from '../auth/providers.js';
import type { Player } from './player.entity.js';
import { type PlayerView, playerView } from './player-view.js';
import { PlayersService } from './players.service.js';

// The guard is global here. This line keeps the controller guarded in an application without `globalGuard` as well.
@UseGuards(NowggAuthGuard)
@Controller('me')
export class MeController {
  readonly #players: PlayersService;
  readonly #accounts: NowggAccountService;

  constructor(players: PlayersService, accounts: NowggAccountService) {
    this.#players = players;
    this.#accounts = accounts;
  }

  /** The calling player, of any identity system: their token says which identity system to ask. */
  @Get()
  async me(@NowggUser() caller: NowggPrincipal, @BearerToken() token: string): Promise<PlayerView> {
    const { player, isNew } = await this.#players.findOrAdd(caller);
    const hasProfile = caller.provider === nowggProvider && caller.tokenType === 'token';
    return playerView(isNew && hasProfile ? await this.#introduce(player, caller, token) : player);
  }

  /** now.gg's profile of the player. An id_token is not enough to request it. */
  @Get('profile')
  @NowggAuth({ provider: nowggProvider, tokenType: 'token' })
  profile(@BearerToken() token: string): Promise<NowggUserInfo> {
    return this.#accounts.getUserInfo(token, { provider: nowggProvider });
  }

  /** The device and place of the session in which the token was issued. Only now.gg knows devices. */
  @Get('session')
  @NowggAuth({ provider: nowggProvider, tokenType: 'token' })
  session(@BearerToken() token: string): Promise<NowggSessionInfo> {
    return this.#accounts.getSessionInfo(token, { provider: nowggProvider });
  }

  /**
   * Gives a new player a name from now.gg. When now.gg is unavailable, they play without one until the profile job
   * runs.
   */
  async #introduce(player: Player, caller: NowggPrincipal, token: string): Promise<Player> {
    try {
      const profile = await this.#accounts.getUserInfo(token, { provider: nowggProvider });
      await this.#players.rememberProfile(player.id, profile);
    } catch (error) {
      if (error instanceof NowggAuthError) return player;
      throw error;
    }
    return this.#players.getFor(caller);
  }
}
