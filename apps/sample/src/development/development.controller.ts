import { Body, Controller, Get, Header, HttpCode, Post, UseGuards } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { NowggAuth, NowggPrincipal, NowggRevocationService, NowggUser, Public } from 'nestjs-nowgg-auth';
import { In, Repository } from 'typeorm';
import { BearerToken } from '../auth/bearer-token.decorator.js';
import { nowggProvider, webProvider } from '../auth/providers.js';
import { SampleConfig } from '../config/sample-config.js';
import { Player } from '../players/player.entity.js';
import { type PlayerView, playerView } from '../players/player-view.js';
import { DevelopmentControls } from './development-controls.js';
import { OutageBody, PlayerBody, TokenLifeBody } from './development.dto.js';
import { ThisMachineGuard } from './this-machine.guard.js';
import { VerificationCounters, type VerificationReport } from './verification-counters.js';

interface PlayerRow extends PlayerView {
  readonly isRefused: boolean;
}

interface DeskView {
  readonly isOutage: boolean;
  readonly tokenLifeSeconds: number;
  readonly players: readonly PlayerRow[];
}

const shownPlayers = 20;
const banMs = 3_600_000;

/**
 * The support desk and the counters of the page, for development: mounted only with the emulator, and guarded by
 * {@link ThisMachineGuard}.
 */
@Public()
@UseGuards(ThisMachineGuard)
@Controller('development')
export class DevelopmentController {
  readonly #config: SampleConfig;
  readonly #players: Repository<Player>;
  readonly #revocations: NowggRevocationService;
  readonly #controls: DevelopmentControls;
  readonly #counters: VerificationCounters;

  constructor(
    config: SampleConfig,
    @InjectRepository(Player) players: Repository<Player>,
    revocations: NowggRevocationService,
    controls: DevelopmentControls,
    counters: VerificationCounters,
  ) {
    this.#config = config;
    this.#players = players;
    this.#revocations = revocations;
    this.#controls = controls;
    this.#counters = counters;
  }

  @Get('desk')
  @Header('Cache-Control', 'no-store')
  async desk(): Promise<DeskView> {
    const players = await this.#players.find({
      // The table may also hold players of an identity system that is no longer configured.
      where: { provider: In([nowggProvider, ...(this.#config.web ? [webProvider] : [])]) },
      order: { createdAt: 'DESC' },
      take: shownPlayers,
    });
    const rows = players.map(async (player) => {
      const { provider, userId } = player;
      return { ...playerView(player), isRefused: await this.#revocations.isRevoked({ provider, userId }) };
    });
    const { isOutage, tokenLifeSeconds } = this.#controls;
    return { isOutage, tokenLifeSeconds, players: await Promise.all(rows) };
  }

  @Get('counters')
  @Header('Cache-Control', 'no-store')
  counters(): VerificationReport & { readonly calls: DevelopmentControls['calls'] } {
    return { ...this.#counters.report(), calls: this.#controls.calls };
  }

  /** Bans a player: everything of theirs is refused for an hour, new sign-ins too. */
  @Post('ban')
  @HttpCode(204)
  async ban(@Body() { provider, userId }: PlayerBody): Promise<void> {
    await this.#revocations.revoke(
      { provider, userId },
      {
        until: new Date(Date.now() + banMs),
        reason: { code: 'cheating', text: 'Cheating' },
        by: 'support desk',
      },
    );
  }

  /** Signs a player out: everything that was issued so far is refused; the player may sign in again. */
  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Body() { provider, userId }: PlayerBody): Promise<void> {
    await this.#revocations.revoke({ provider, userId });
  }

  @Post('forgive')
  @HttpCode(204)
  async forgive(@Body() { provider, userId }: PlayerBody): Promise<void> {
    await this.#revocations.restore({ provider, userId });
  }

  @Post('outage')
  @HttpCode(204)
  outage(@Body() { isOutage }: OutageBody): void {
    this.#controls.setOutage(isOutage);
  }

  @Post('token-life')
  @HttpCode(204)
  tokenLife(@Body() { seconds }: TokenLifeBody): void {
    this.#controls.setTokenLife(seconds);
  }

  /** Revokes the token of the call, so that its front end fetches the next one. */
  @NowggAuth({})
  @Post('expire-my-token')
  @HttpCode(204)
  async expireMyToken(@NowggUser() { provider }: NowggPrincipal, @BearerToken() token: string): Promise<void> {
    await this.#revocations.revoke({ provider, token });
  }
}
