import { randomUUID } from 'node:crypto';
import { type Fault, type NowggEmulator, type RefreshTokenRotation, startNowggEmulator } from 'nowgg-emulator';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../../libs/nowgg-auth/src/clock.js';
import type { NowggIdentityProvider } from '../../../libs/nowgg-auth/src/identity/nowgg/nowgg-identity-provider.js';
import type { TokensOptions } from '../../../libs/nowgg-auth/src/options/options.js';
import type { GrantRecord } from '../../../libs/nowgg-auth/src/tokens/store/grant-record.js';
import type { NowggTokenService } from '../../../libs/nowgg-auth/src/tokens/nowgg-token-service.js';
import type { TokenStore } from '../../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { typeOrmTokenStore } from '../../../libs/nowgg-auth/src/typeorm/index.js';
import { removeCompiled } from '../processes/children/compiled.js';
import { plantGrants } from '../vault-grants.js';
import { type PostgresCluster, startPostgresCluster } from '../servers/postgres-cluster.js';
import { nowggProvider, type NowggProviderSettings, TITLES } from './nowgg-provider.js';
import { ageRows, migratedDataSource } from './migrated-database.js';
import { RING, tokenService, type TokenServiceOptions } from './token-service.js';
import { TokenWorker } from './token-worker.js';
import type { WorkerSettings } from './token-worker-messages.js';

const HOLD: Fault = { kind: 'hold', endpoint: 'token', when: 'after' };

/** A PostgreSQL, an emulator of now.gg, and a token service in this process; more processes on demand. */
export class TokenSuite {
  readonly #workers: TokenWorker[] = [];
  readonly service: NowggTokenService;

  private constructor(
    readonly cluster: PostgresCluster,
    readonly url: string,
    readonly dataSource: DataSource,
    readonly store: TokenStore,
    readonly nowgg: NowggEmulator,
  ) {
    this.service = this.serviceOf({ durations: { softDeadlineMs: 10_000 } });
  }

  static async start(rotation: RefreshTokenRotation = 'never', settings: Record<string, string> = {}) {
    const cluster = await startPostgresCluster(settings);
    const url = await cluster.createDatabase();
    const dataSource = await migratedDataSource(url);
    const store = typeOrmTokenStore().create({ clock: new SystemClock() }, dataSource);
    return new TokenSuite(cluster, url, dataSource, store, await startNowgg(rotation));
  }

  /** now.gg starts anew with another rotation: it knows no token, no code and no call of before. */
  startOver(rotation: RefreshTokenRotation): void {
    this.nowgg.reset();
    this.nowgg.setRefreshTokenRotation(rotation);
  }

  /** Calls with a refresh token so far. */
  get refreshes(): number {
    return this.nowgg.requestCount({ endpoint: 'token', grantType: 'refresh_token' });
  }

  /** Resolves once this many calls of the token endpoint have come in altogether. */
  async called(calls: number): Promise<void> {
    await this.nowgg.waitForRequests('token', calls);
  }

  /** now.gg carries calls of the token endpoint out but keeps their replies until {@link release}. */
  hold(): void {
    this.nowgg.setFault(HOLD);
  }

  release(): void {
    this.nowgg.clearFault(HOLD);
  }

  /** A one-time code of a player, who may be a new one. */
  code(userId: string): string {
    knownPlayer(this.nowgg, userId);
    return this.nowgg.issueCode({ userId });
  }

  /** A refresh token of a player, who may be a new one, in a session of its own. */
  refreshToken(userId: string): string {
    return refreshTokenOf(this.nowgg, userId);
  }

  /** The provider of a service of this process. */
  provider(of: Partial<NowggProviderSettings> = {}): NowggIdentityProvider {
    return nowggProvider({ nowggUrl: this.nowgg.url, clock: new SystemClock(), ...of });
  }

  /** A service of this process. */
  serviceOf(options: Partial<TokenServiceOptions>): NowggTokenService {
    return tokenService({ nowggUrl: this.nowgg.url, store: this.store, ...options });
  }

  /** A service of this process with other durations. */
  serviceWith(durations: Partial<TokensOptions>): NowggTokenService {
    return this.serviceOf({ durations });
  }

  /** Processes with a token service each; they end with the suite. */
  async workers(count: number, settings: Partial<WorkerSettings> = {}): Promise<TokenWorker[]> {
    const started = await TokenWorker.startMany(count, {
      databaseUrl: this.url,
      nowggUrl: this.nowgg.url,
      ...settings,
    });
    this.#workers.push(...started);
    return started;
  }

  /** The id of a new grant whose access token is fresh. */
  async signIn(userId = `player-${randomUUID()}`): Promise<string> {
    const { grant } = await this.service.exchangeCode(this.code(userId));
    return grant.id;
  }

  /** The id of a grant whose access token has just expired. */
  async signInLongAgo(userId?: string): Promise<string> {
    const grantId = await this.signIn(userId);
    await this.dataSource.query(
      `UPDATE nowgg_grant SET access_obtained_at = access_obtained_at - interval '2 hours',
         access_not_after = now() - interval '1 second', updated_at = updated_at - interval '2 hours' WHERE id = $1`,
      [grantId],
    );
    return grantId;
  }

  /** Ids of this many grants whose access tokens expire then, by default just now, made without a call to now.gg. */
  async manySignedInLongAgo(count: number, expiresInMs = -1_000): Promise<string[]> {
    return plantGrants(this.dataSource, RING[0], count, {
      clientKey: this.provider().clientKey,
      expiresInMs,
      refreshTokenOf: (id) => this.refreshToken(`player-${id}`),
    });
  }

  async grant(grantId: string): Promise<GrantRecord> {
    const grant = await this.store.findGrant(grantId);
    if (!grant) throw new Error('the grant is gone');
    return grant;
  }

  /** Time passes for the database. */
  async pass(ms: number): Promise<void> {
    await ageRows(this.dataSource, ms);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.kill()));
    await this.nowgg.close();
    await this.service.close();
    await this.dataSource.destroy();
    await this.cluster.stop();
    removeCompiled();
  }
}

/** An emulator with the titles of {@link TITLES}, where a refresh token that was replaced within grace works for ever. */
export async function startNowgg(rotation: RefreshTokenRotation): Promise<NowggEmulator> {
  return startNowggEmulator({
    clients: TITLES,
    rotateRefreshTokens: rotation,
    rotationGraceSeconds: 1e6,
    requestLogSize: 1e6,
  });
}

/** A refresh token of a player, who may be a new one, in a session of its own. */
export function refreshTokenOf(nowgg: NowggEmulator, userId: string): string {
  knownPlayer(nowgg, userId);
  return nowgg.issueTokens({ userId }).refreshToken;
}

function knownPlayer(nowgg: NowggEmulator, userId: string): void {
  if (!nowgg.players.some((player) => player.userId === userId)) nowgg.addPlayer({ userId });
}

/** A refusal of the token endpoint, well-formed, whatever was sent. */
export function refusal(code: string): Fault {
  return { kind: 'body', endpoint: 'token', body: JSON.stringify({ success: false, code, msg: 'refused' }) };
}

/** Does it `count` times, 20 at once. */
export async function inLanes(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: 20 }, lane));
}
