import { randomBytes } from 'node:crypto';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { SourceProcess } from '../support/processes/source-process.js';
import { Planted } from '../support/seeded-secrets/planted.js';
import { freePort } from '../support/servers/free-port.js';
import { inDatabase, type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { RedisServer } from '../support/servers/redis-server.js';
import { TcpFaultProxy } from '../support/servers/tcp-fault-proxy.js';
import { DrillLoad } from './drill-load.js';
import type { DrilledReady, DrilledStart } from './drilled-sample.js';
import { Monitoring } from './monitoring.js';
import { SmallDisk } from './small-disk.js';

const CLIENT_ID = 'game';
const PROCESSES = 2;

/** The sample in two processes with PostgreSQL, Redis, an emulated now.gg, players, Prometheus and Alertmanager. */
export class DrillStage implements AsyncDisposable {
  readonly planted = new Planted();
  readonly clientSecret = this.planted.plant('client-secret');
  readonly #encryptionKey = `k1:${this.planted.keep(randomBytes(32).toString('base64'))}`;
  emulator!: NowggEmulator;
  cluster!: PostgresCluster;
  /** The way of the processes to the database. */
  database!: TcpFaultProxy;
  redis!: RedisServer;
  load!: DrillLoad;
  monitoring!: Monitoring;
  /** The disk of the game's tables; undefined where this machine does not let one be made. */
  disk: SmallDisk | undefined;
  databaseUrl = '';
  readonly urls: string[] = [];
  readonly #collectorKey = this.planted.plant('collector-key');
  #databaseName = '';
  readonly #ports: number[] = [];
  readonly #processes: SourceProcess[] = [];

  /** @param factor by which every duration of the rules is shorter */
  static async start(factor: number): Promise<DrillStage> {
    const stage = new DrillStage();
    try {
      await stage.#start(factor);
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs statements, past the faults. */
  async query(statement: string): Promise<void> {
    await inDatabase(this.databaseUrl, (client) => client.query(statement));
  }

  /** Secrets in the logs so far, and in the metrics as they are now. */
  async leaks(): Promise<string[]> {
    const headers = { authorization: `Bearer ${this.#collectorKey}` };
    const metrics = await Promise.all(
      this.urls.map(async (url) => (await fetch(`${url}/metrics`, { headers })).text()),
    );
    if (metrics.some((text) => !text.includes('nowgg_auth_ready'))) throw new Error('the metrics cannot be read');
    return this.planted.foundIn([this.log, ...metrics].join('\n'));
  }

  /** All that the processes wrote. */
  get log(): string {
    return this.#processes.map(({ output }) => output).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.load?.stop();
    await this.monitoring?.[Symbol.asyncDispose]();
    for (const sample of this.#processes) await sample[Symbol.asyncDispose]();
    await this.emulator?.close();
    await this.redis?.kill();
    await this.database?.close();
    await this.cluster?.stop();
    this.disk?.remove();
  }

  async #start(factor: number): Promise<void> {
    this.cluster = await startPostgresCluster();
    this.redis = await RedisServer.start();
    this.emulator = await startNowggEmulator({
      clients: [{ clientId: CLIENT_ID, clientSecret: this.clientSecret }],
    });
    this.databaseUrl = await this.#createDatabase();
    this.#databaseName = new URL(this.databaseUrl).pathname;
    this.database = await TcpFaultProxy.start({ port: this.cluster.port });
    for (let index = 0; index < PROCESSES; index += 1) {
      this.#ports.push(await freePort());
      await this.#startProcess(index);
    }
    this.load = new DrillLoad(this.urls, this.emulator, this.planted);
    await this.load.start();
    this.monitoring = await Monitoring.start(this.urls, this.#collectorKey, factor);
  }

  async #createDatabase(): Promise<string> {
    this.disk = SmallDisk.make();
    if (!this.disk) return this.cluster.createDatabase();
    const { folder } = this.disk;
    return inDatabase(this.cluster.url, async (client) => {
      await client.query(`CREATE TABLESPACE small LOCATION '${folder}'`);
      await client.query('CREATE DATABASE small TABLESPACE small');
      return this.cluster.url.replace(/[^/]+$/, 'small');
    });
  }

  async #startProcess(index: number): Promise<void> {
    const port = this.#ports[index] as number;
    const sample = new SourceProcess('test/drills/drilled-sample.ts');
    this.#processes[index] = sample;
    const variables = {
      PORT: String(port),
      DATABASE_URL: `postgres://postgres@127.0.0.1:${this.database.port}${this.#databaseName}`,
      REDIS_URL: this.redis.url,
      NOWGG_CLIENT_ID: CLIENT_ID,
      NOWGG_CLIENT_SECRET: this.clientSecret,
      NOWGG_BASE_URL: this.emulator.url,
      NOWGG_ENCRYPTION_KEYS: this.#encryptionKey,
      METRICS_KEY: this.#collectorKey,
      SIGN_INS_PER_MINUTE: '0',
      PROFILE_SYNC_INTERVAL_MS: '0',
    };
    const { url } = await sample.ask<DrilledReady>({ variables } satisfies DrilledStart);
    this.urls[index] = url;
  }
}
