import { randomBytes } from 'node:crypto';
import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  type EncryptionKey,
  NowggAuthModule,
  type NowggAuthModuleOptions,
  NowggRevocationService,
  NowggTokenService,
  NowggUser,
  RequireScopes,
  type TokenStore,
} from 'nestjs-nowgg-auth';
import { NowggAuthorizationService, NowggOAuth2Module } from 'nestjs-nowgg-auth/oauth2';
import { typeOrmRevocationStore, typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import type { DataSource } from 'typeorm';
import { migratedDataSource } from '../token-service/migrated-database.js';
import { closeApp } from '../../../apps/sample/src/http/close-app.js';

export type Platform = 'express' | 'fastify';

@Controller()
class GameController {
  @Get('game')
  game(@NowggUser('userId') userId: string) {
    return { userId };
  }

  @Get('phone')
  @RequireScopes('phone')
  phone(@NowggUser('userId') userId: string) {
    return { userId };
  }
}

/** One application of a {@link GameCluster}. */
export class ClusterNode {
  readonly url: string;
  readonly #app: INestApplication;

  constructor(app: INestApplication, url: string) {
    this.#app = app;
    this.url = url;
  }

  get authorization(): NowggAuthorizationService {
    return this.#app.get(NowggAuthorizationService, { strict: false });
  }

  get tokens(): NowggTokenService {
    return this.#app.get(NowggTokenService, { strict: false });
  }

  get revocations(): NowggRevocationService {
    return this.#app.get(NowggRevocationService, { strict: false });
  }

  post(route: string, body: unknown): Promise<Response> {
    return fetch(`${this.url}/auth/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  /** Status of a guarded route for a token: `phone` requires the scope of this name. */
  async status(token: string, route: 'game' | 'phone' = 'game'): Promise<number> {
    const response = await this.ask(token, route);
    await response.body?.cancel();
    return response.status;
  }

  ask(token: string, route: 'game' | 'phone'): Promise<Response> {
    return fetch(`${this.url}/${route}`, { headers: { authorization: `Bearer ${token}` } });
  }

  /** Asks the guarded route until it refuses the token: other processes' news arrive by a message. */
  async untilRefused(token: string): Promise<void> {
    while ((await this.status(token)) !== 401);
  }

  async close(): Promise<void> {
    await closeApp(this.#app);
  }
}

export interface GameClusterSettings {
  readonly oauth2?: boolean;
  /** Whether processes hear of each other's revocations by NOTIFY; otherwise by polling once a second. */
  readonly notify?: boolean;
  /** Put before the token store of the first and the second node. */
  readonly wrapStores?: readonly ((store: TokenStore) => TokenStore)[];
}

/** Applications with the ready-made routes and a guarded route on one PostgreSQL, each with a DataSource of its own. */
export class GameCluster implements AsyncDisposable {
  readonly #dataSources: DataSource[];

  private constructor(
    readonly nodes: readonly [ClusterNode, ClusterNode],
    dataSources: DataSource[],
  ) {
    this.#dataSources = dataSources;
  }

  get dataSource(): DataSource {
    return this.#dataSources[0] as DataSource;
  }

  static async start(
    databaseUrl: string,
    platform: Platform,
    options: Partial<NowggAuthModuleOptions>,
    { oauth2 = false, notify = true, wrapStores = [] }: GameClusterSettings = {},
  ): Promise<GameCluster> {
    const encryptionKeys: EncryptionKey[] = [{ id: 'k1', key: randomBytes(32).toString('base64') }];
    const dataSources: DataSource[] = [];
    const start = async () => {
      const dataSource = await migratedDataSource(databaseUrl);
      const wrap = wrapStores[dataSources.length] ?? ((store: TokenStore) => store);
      dataSources.push(dataSource);
      const auth = NowggAuthModule.forRoot({
        tokens: { encryptionKeys },
        tokenStore: { inject: [], create: (context) => wrap(typeOrmTokenStore().create(context, dataSource)) },
        revocationStore: {
          inject: [],
          create: (context) => typeOrmRevocationStore({ notify }).create(context, dataSource),
        },
        strategyName: false,
        globalGuard: true,
        routes: true,
        ...options,
      });
      @Module({ imports: oauth2 ? [auth, NowggOAuth2Module.forRoot()] : [auth], controllers: [GameController] })
      class GameModule {}
      const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
      const app = await NestFactory.create(GameModule, adapter, { logger: false, abortOnError: false });
      await app.listen(0, '127.0.0.1');
      return new ClusterNode(app, await app.getUrl());
    };
    return new GameCluster([await start(), await start()], dataSources);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node.close();
    for (const dataSource of this.#dataSources) await dataSource.destroy();
  }
}
