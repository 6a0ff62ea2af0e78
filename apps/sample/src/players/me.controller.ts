import { Controller, Get } from '@nestjs/common';
import {
  NowggAccountService,
  NowggAuth,
  NowggPrincipal,
  type NowggSessionInfo,
  NowggUser,
  type NowggUserInfo,
} from 'nestjs-nowgg-auth';
import { BearerToken } from '../auth/bearer-token.decorator.js';
import { type PlayerView, playerView } from './player-view.js';
import { PlayersService } from './players.service.js';

@Controller('me')
export class MeController {
  readonly #players: PlayersService;
  readonly #accounts: NowggAccountService;

  constructor(players: PlayersService, accounts: NowggAccountService) {
    this.#players = players;
    this.#accounts = accounts;
  }

  @Get()
  async me(@NowggUser() caller: NowggPrincipal): Promise<PlayerView> {
    return playerView(await this.#players.getFor(caller));
  }

  /** What now.gg knows about the player. An id_token cannot ask for it. */
  @Get('profile')
  @NowggAuth({ tokenType: 'token' })
  profile(@BearerToken() token: string): Promise<NowggUserInfo> {
    return this.#accounts.getUserInfo(token);
  }

  /** The device and place of the session in which the token was issued. */
  @Get('session')
  @NowggAuth({ tokenType: 'token' })
  session(@BearerToken() token: string): Promise<NowggSessionInfo> {
    return this.#accounts.getSessionInfo(token);
  }
}
