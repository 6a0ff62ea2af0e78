import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import type { TokensOptions } from '../../libs/nowgg-auth/src/options.js';
import type { GrantRecord } from '../../libs/nowgg-auth/src/tokens/grant-record.js';
import type { NowggTokenService } from '../../libs/nowgg-auth/src/tokens/nowgg-token-service.js';
import type { RefreshTiming } from '../../libs/nowgg-auth/src/tokens/refresh-timing.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/token-store.js';
import { typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { removeCompiled } from './children/compiled.js';
import { type PostgresCluster, startPostgresCluster } from './postgres-cluster.js';
import { codeFor, TokenEndpoint } from './token-endpoint.js';
import { ageRows, migratedDataSource } from './token-endpoint-database.js';
import type { TokenEndpointMode } from './token-endpoint-families.js';
import { endpointService } from './token-endpoint-service.js';
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
    public endpoint: TokenEndpoint,
    public service: NowggTokenService,
  ) {}

  static async start(mode: TokenEndpointMode = 'static', settings: Record<string, string> = {}): Promise<TokenSuite> {
    const cluster = await startPostgresCluster(settings);
    const url = await cluster.createDatabase();
    const dataSource = await migratedDataSource(url);
    const store = typeOrmTokenStore().create({ clock: new SystemClock() }, dataSource);
    const endpoint = await TokenEndpoint.start({ mode });
    const service = endpointService({ endpointUrl: endpoint.url, store });
    return new TokenSuite(cluster, url, dataSource, store, endpoint, service);
  }

  /** Another identity system in another mode, and a service for it; the workers of before stay with the old one. */
  async switchTo(mode: TokenEndpointMode): Promise<void> {
    await this.endpoint.stop();
    this.endpoint = await TokenEndpoint.start({ mode });
    this.service = endpointService({ endpointUrl: this.endpoint.url, store: this.store });
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

  async grant(grantId: string): Promise<GrantRecord> {
    const grant = await this.store.findGrant(grantId);
    if (!grant) throw new Error('the grant is gone');
    return grant;
  }

  /** Time passes for the database. */
  async pass(ms: number): Promise<void> {
    await ageRows(this.url, ms);
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
