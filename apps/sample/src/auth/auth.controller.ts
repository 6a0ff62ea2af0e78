import { Body, Controller, Header, HttpCode, Post } from '@nestjs/common';
import {
  type AccessToken,
  InvalidTokenError,
  NowggAccountService,
  NowggAuthError,
  type NowggPrincipal,
  NowggTokenService,
  Public,
  ReauthenticationRequiredError,
} from 'nestjs-nowgg-auth';
import type { Player } from '../players/player.entity.js';
import { type PlayerView, playerView } from '../players/player-view.js';
import { PlayersService } from '../players/players.service.js';
import { LoginBody, RefreshBody, SessionBody } from './auth.dto.js';

interface TokenView {
  readonly token: string;
  readonly tokenExpiresAt: string | undefined;
  /** To be sent with a refresh after this token was refused. */
  readonly generation: number;
}

interface LoginView extends TokenView {
  /** The front end keeps this and shows it to refresh and to sign out; the refresh token stays on the server. */
  readonly session: string;
  readonly user: PlayerView;
}

interface RefreshView extends TokenView {
  /** Only when the encryption keys have changed since the session was made: to be kept instead. */
  readonly session?: string;
}

/** A refreshed token is good for at least this long, or the game would be back at once. */
const shortestUsefulMs = 60_000;

/** Sign-in, refresh and sign-out. Public: the code and the session handle are credentials of their own. */
@Public()
@Controller('auth')
export class AuthController {
  readonly #tokens: NowggTokenService;
  readonly #accounts: NowggAccountService;
  readonly #players: PlayersService;

  constructor(tokens: NowggTokenService, accounts: NowggAccountService, players: PlayersService) {
    this.#tokens = tokens;
    this.#accounts = accounts;
    this.#players = players;
  }

  @Post('login')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async login(@Body() { code }: LoginBody): Promise<LoginView> {
    const { accessToken, principal, session } = await this.#tokens.exchangeCode(code);
    const player = await this.#players.getFor(principal);
    const user = player.profileSyncedAt ? player : await this.#introduce(player, accessToken, principal);
    return { ...tokenView(accessToken), session, user: playerView(user) };
  }

  /** A new player gets his name from now.gg. When it cannot be asked he plays without one until the profile job runs. */
  async #introduce(player: Player, { token }: AccessToken, principal: NowggPrincipal): Promise<Player> {
    try {
      await this.#players.rememberProfile(player.id, await this.#accounts.getUserInfo(token));
    } catch (error) {
      if (error instanceof NowggAuthError) return player;
      throw error;
    }
    return this.#players.getFor(principal);
  }

  @Post('refresh')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async refresh(@Body() { session, generation }: RefreshBody): Promise<RefreshView> {
    const { grant, session: current } = await this.#tokens.openSession(session);
    const accessToken =
      generation === undefined
        ? await this.#tokens.getAccessToken(grant.id, { minValidityMs: shortestUsefulMs })
        : await this.#tokens.refresh(grant.id, { ifGeneration: generation });
    return { ...tokenView(accessToken), ...(current !== session && { session: current }) };
  }

  @Post('logout')
  @HttpCode(204)
  async logout(@Body() { session }: SessionBody): Promise<void> {
    try {
      const grant = await this.#tokens.sessionGrant(session);
      await this.#tokens.revoke(grant.id);
    } catch (error) {
      // Signed out already, or never signed in: what the caller wants is so.
      if (error instanceof ReauthenticationRequiredError || error instanceof InvalidTokenError) return;
      throw error;
    }
  }
}

function tokenView({ token, expiresAt, generation }: AccessToken): TokenView {
  return { token, tokenExpiresAt: expiresAt?.toISOString(), generation };
}
