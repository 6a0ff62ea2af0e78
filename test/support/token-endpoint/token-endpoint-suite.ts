import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../../libs/nowgg-auth/src/clock.js';
import type { TokensOptions } from '../../../libs/nowgg-auth/src/options/options.js';
import type { GrantRecord } from '../../../libs/nowgg-auth/src/tokens/store/grant-record.js';
import { KeyRing } from '../../../libs/nowgg-auth/src/tokens/vault/key-ring.js';
import type { NowggTokenService } from '../../../libs/nowgg-auth/src/tokens/nowgg-token-service.js';
import type { RefreshTiming } from '../../../libs/nowgg-auth/src/tokens/calls/refresh-timing.js';
import type { TokenStore } from '../../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { Vault } from '../../../libs/nowgg-auth/src/tokens/vault/vault.js';
import { typeOrmTokenStore } from '../../../libs/nowgg-auth/src/typeorm/index.js';
import { removeCompiled } from '../processes/children/compiled.js';
import { type PostgresCluster, startPostgresCluster } from '../servers/postgres-cluster.js';
import { codeFor, TokenEndpoint } from './token-endpoint.js';
import { ageRows, migratedDataSource } from './token-endpoint-database.js';
import type { TokenEndpointMode } from './token-endpoint-families.js';
import { endpointService, RING } from './token-endpoint-service.js';
import { TokenWorker } from './token-endpoint-worker.js';
import type { WorkerSettings } from './token-endpoint-worker-messages.js';

/** A PostgreSQL, a token endpoint, and a token service in this process; more processes on demand. */
export class TokenSuite {
  readonly #workers: TokenWorker[] = [];

  private constructor(
    readonly cluster: PostgresCluster,
    readonly url: string,
    readonly dataSource: DataSource,
    readonly store: TokenStore,
    readonly endpoint: TokenEndpoint,
    readonly service: NowggTokenService,
  ) {}

  static async start(mode: TokenEndpointMode = 'static', settings: Record<string, string> = {}): Promise<TokenSuite> {
    const cluster = await startPostgresCluster(settings);
    const url = await cluster.createDatabase();
    const dataSource = await migratedDataSource(url);
    const store = typeOrmTokenStore().create({ clock: new SystemClock() }, dataSource);
    const endpoint = await TokenEndpoint.start({ mode });
    const service = endpointService({ endpointUrl: endpoint.url, store, durations: { softDeadlineMs: 10_000 } });
    return new TokenSuite(cluster, url, dataSource, store, endpoint, service);
  }

  /** The identity system starts anew in another mode: it knows no token, no code and no call of before. */
  startOver(mode: TokenEndpointMode): void {
    this.endpoint.startOver(mode);
  }

  /** A service of this process with other durations. */
  serviceWith(durations: Partial<TokensOptions>, timing: Partial<RefreshTiming> = {}): NowggTokenService {
    return endpointService({ endpointUrl: this.endpoint.url, store: this.store, durations, timing });
  }

  /** Processes with a token service each; they end with the suite. */
  async workers(count: number, settings: Partial<WorkerSettings> = {}): Promise<TokenWorker[]> {
    const started = await TokenWorker.startMany(count, {
      databaseUrl: this.url,
      endpointUrl: this.endpoint.url,
      ...settings,
    });
    this.#workers.push(...started);
    return started;
  }

  /** The id of a new grant whose access token is fresh. */
  async signIn(userId = `player-${randomUUID()}`): Promise<string> {
    const { grant } = await this.service.exchangeCode(codeFor(this.endpoint, userId));
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

  /** Ids of this many grants whose access tokens have just expired, made without asking anybody. */
  async manySignedInLongAgo(count: number): Promise<string[]> {
    const vault = new Vault(new KeyRing([RING[0]]));
    const make = async (): Promise<string> => {
      const [id, codeHash, refreshToken] = [randomUUID(), randomUUID(), `refresh-${randomUUID()}`];
      this.endpoint.families.issueRefreshToken(refreshToken, `player-${id}`);
      await this.store.claimExchange({ codeHash, owner: randomUUID(), leaseMs: 1_000 });
      const owner = { provider: 'nowgg', clientKey: 'client-key', userId: `player-${id}` };
      const context = { id, ...owner, sessionVersion: 1, generation: 1 };
      await this.store.completeExchange(codeHash, {
        id,
        ...owner,
        sessionId: undefined,
        ...vault.sealTokens(context, 'access-of-long-ago', refreshToken),
        accessTokenExpiresAtMs: Date.now() - 1_000,
        refreshTokenExpiresAtMs: undefined,
      });
      return id;
    };
    const ids: string[] = [];
    await inLanes(count, async () => void ids.push(await make()));
    return ids;
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
    await this.endpoint.stop();
    await this.service.close();
    await this.dataSource.destroy();
    await this.cluster.stop();
    removeCompiled();
  }
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
