import { randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  Controller,
  Get,
  type INestApplication,
  type LoggerService,
  Module,
  type ModuleMetadata,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  NOWGG_CALL_CHANNEL,
  NOWGG_SECURITY_CHANNEL,
  NOWGG_STATE_CHANNEL,
  NOWGG_TOKEN_CHANNEL,
  NowggAuthModule,
  NowggUser,
} from 'nestjs-nowgg-auth';
import { redisSharedCache } from 'nestjs-nowgg-auth/redis';
import { nowggEntities, nowggMigrations, typeOrmRevocationStore, typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { closeApp } from '../../../apps/sample/src/http/close-app.js';
import { OffsetClock } from '../../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { Planted, shown } from '../../support/seeded-secrets/planted.js';
import { type PostgresCluster, startPostgresCluster } from '../../support/servers/postgres-cluster.js';
import { RedisServer } from '../../support/servers/redis-server.js';

const CHANNELS = [NOWGG_CALL_CHANNEL, NOWGG_SECURITY_CHANNEL, NOWGG_STATE_CHANNEL, NOWGG_TOKEN_CHANNEL];

@Controller()
class GameController {
  @Get('game')
  game(@NowggUser('userId') userId: string) {
    return { userId };
  }
}

/** A guarded game on a real PostgreSQL, Redis and emulated now.gg. All of its secrets are planted, all it says is kept. */
export class ObservedGame implements AsyncDisposable {
  readonly planted = new Planted();
  readonly clock = new OffsetClock();
  readonly log: string[] = [];
  readonly events: { readonly channel: string; readonly event: Record<string, unknown> }[] = [];
  readonly clientSecret = this.planted.plant('client-secret');
  readonly key = this.planted.keep(randomBytes(32).toString('base64'));
  emulator!: NowggEmulator;
  cluster!: PostgresCluster;
  redis!: RedisServer;
  app!: INestApplication;
  url = '';
  databaseUrl = '';
  readonly #ends: (() => void)[] = [];

  static async start(more: ModuleMetadata = {}): Promise<ObservedGame> {
    const game = new ObservedGame();
    await game.#start(more);
    return game;
  }

  /** Signs a new player in; the answer of the route. */
  async signIn(code = this.code()): Promise<{ status: number; body: Record<string, unknown> }> {
    return this.#post('auth/login', { code: this.planted.keep(code) });
  }

  code(): string {
    return this.emulator.issueCode({ userId: this.emulator.addPlayer().userId });
  }

  /** A token that no process has seen. */
  newToken(): string {
    const { userId } = this.emulator.addPlayer();
    return this.planted.keep(this.emulator.issueTokens({ userId }).token);
  }

  async play(token: string): Promise<number> {
    const answer = await fetch(`${this.url}/game`, { headers: { authorization: `Bearer ${token}` } });
    await answer.arrayBuffer();
    return answer.status;
  }

  lines(begin: string): string[] {
    return this.log.filter((line) => line.startsWith(begin));
  }

  /** Secrets in what the game has said so far, or in another text. */
  leaks(more = ''): string[] {
    return this.planted.foundIn([...this.log, ...this.events.map(shown), more].join('\n'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    if (this.app) await closeApp(this.app);
    await this.emulator?.close();
    await this.redis?.kill();
    await this.cluster?.stop();
  }

  async #start({ imports = [], controllers = [], providers = [] }: ModuleMetadata): Promise<void> {
    this.cluster = await startPostgresCluster();
    this.redis = await RedisServer.start();
    this.emulator = await startNowggEmulator({ clients: [{ clientId: 'game', clientSecret: this.clientSecret }] });
    for (const channel of CHANNELS) {
      const keep = (event: unknown) => void this.events.push({ channel, event: event as Record<string, unknown> });
      subscribe(channel, keep);
      this.#ends.push(() => unsubscribe(channel, keep));
    }
    this.databaseUrl = await this.cluster.createDatabase();
    @Module({
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url: this.databaseUrl,
          entities: [...nowggEntities],
          migrations: [...nowggMigrations],
          migrationsRun: true,
          poolErrorHandler: () => undefined,
        }),
        NowggAuthModule.forRoot({
          clientId: 'game',
          clientSecret: this.clientSecret,
          baseUrl: this.emulator.url,
          tokens: { encryptionKeys: [{ id: 'k1', key: this.key }] },
          tokenStore: typeOrmTokenStore(),
          revocationStore: typeOrmRevocationStore(),
          sharedCache: redisSharedCache({ url: `redis://127.0.0.1:${this.redis.port}` }),
          verification: { timeoutMs: 2_000 },
          strategyName: false,
          globalGuard: true,
          routes: true,
          clock: this.clock,
        }),
        ...imports,
      ],
      controllers: [GameController, ...controllers],
      providers,
    })
    class GameModule {}
    this.app = await NestFactory.create(GameModule, { logger: this.#logger(), abortOnError: false });
    await this.app.listen(0, '127.0.0.1');
    this.url = await this.app.getUrl();
  }

  async #post(path: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await fetch(`${this.url}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const given = (await answer.json()) as Record<string, unknown>;
    for (const name of ['token', 'session']) if (typeof given[name] === 'string') this.planted.keep(given[name]);
    return { status: answer.status, body: given };
  }

  #logger(): LoggerService {
    const write = (message: unknown, ...parts: unknown[]) => {
      if (parts.at(-1) === 'NowggAuth') this.log.push(shown(message));
    };
    return { log: write, error: write, warn: write, debug: write, verbose: write, fatal: write };
  }
}
