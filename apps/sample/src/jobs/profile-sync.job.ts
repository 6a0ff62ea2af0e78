import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import {
  IdentityUnavailableError,
  NowggAccountService,
  NowggAuthError,
  type NowggGrant,
  NowggTokenService,
} from 'nestjs-nowgg-auth';
import { DataSource } from 'typeorm';
import { nowggProvider } from '../auth/providers.js';
import { Player } from '../players/player.entity.js';
import { PlayersService } from '../players/players.service.js';

/** Result of one run. */
export interface ProfileSyncReport {
  readonly synced: number;
  /** Players without a usable sign-in: they sign in again when they play. */
  readonly skipped: number;
  /** Players left for the next run because now.gg was unavailable. */
  readonly postponed: number;
}

interface ClaimedPlayer {
  readonly id: string;
  readonly user_id: string;
}

const batchSize = 20;

/**
 * Updates names and countries of players, whether they are online or not: it uses the tokens that were stored when they
 * signed in, and refreshes them when necessary.
 */
@Injectable()
export class ProfileSyncJob {
  readonly #logger = new Logger(ProfileSyncJob.name);
  readonly #dataSource: DataSource;
  readonly #tokens: NowggTokenService;
  readonly #accounts: NowggAccountService;
  readonly #players: PlayersService;

  constructor(
    @InjectDataSource() dataSource: DataSource,
    tokens: NowggTokenService,
    accounts: NowggAccountService,
    players: PlayersService,
  ) {
    this.#dataSource = dataSource;
    this.#tokens = tokens;
    this.#accounts = accounts;
    this.#players = players;
  }

  /** @param olderThanMs profiles that were requested more recently than this are left alone */
  async run(olderThanMs: number): Promise<ProfileSyncReport> {
    const report = { synced: 0, skipped: 0, postponed: 0 };
    const claimed = await this.#claim(olderThanMs);
    for (const player of claimed) {
      if (report.postponed > 0) {
        await this.#postpone(player);
        report.postponed += 1;
        continue;
      }
      report[await this.#sync(player)] += 1;
    }
    return report;
  }

  async #sync(player: ClaimedPlayer): Promise<keyof ProfileSyncReport> {
    try {
      const grant = await this.#usableGrant(player);
      if (!grant) return 'skipped';
      const profile = await this.#tokens.withAccessToken(grant.id, (token) => this.#accounts.getUserInfo(token));
      await this.#players.rememberProfile(player.id, profile);
      return 'synced';
    } catch (error) {
      // An outage is not caused by the player: the rest of the batch would meet it too.
      if (error instanceof IdentityUnavailableError) {
        await this.#postpone(player);
        return 'postponed';
      }
      if (!(error instanceof NowggAuthError)) throw error;
      this.#logger.debug(`player ${player.id} was left out: ${error.errorCode}`);
      return 'skipped';
    }
  }

  async #usableGrant(player: ClaimedPlayer): Promise<NowggGrant | undefined> {
    const grants = await this.#tokens.listGrants(player.user_id, { provider: nowggProvider });
    return grants.find((grant) => grant.state === 'active');
  }

  /**
   * Claims players in one statement, so that processes share the work and no transaction is open during calls to
   * now.gg.
   */
  async #claim(olderThanMs: number): Promise<ClaimedPlayer[]> {
    const [players]: [ClaimedPlayer[], number] = await this.#dataSource.query(
      `UPDATE players SET profile_synced_at = now()
       WHERE id IN (
         SELECT id FROM players
         WHERE provider = $1
           AND (profile_synced_at IS NULL OR profile_synced_at < now() - $2 * interval '1 millisecond')
         ORDER BY profile_synced_at NULLS FIRST
         LIMIT $3
         FOR UPDATE SKIP LOCKED
       )
       RETURNING id, user_id`,
      [nowggProvider, olderThanMs, batchSize],
    );
    return players;
  }

  async #postpone(player: ClaimedPlayer): Promise<void> {
    await this.#dataSource.manager.update(Player, { id: player.id }, { profileSyncedAt: null });
  }
}
