import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, connect, type Server } from 'node:net';
import { type DynamicModule, type INestApplication, type LoggerService, Module, type Type } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { NowggAuthModule, type NowggAuthOptions } from 'nestjs-nowgg-auth';
import { GuardedRoutes, HandlerRuns } from './guarded-routes.js';
import { type Claims, CLIENT_ID, idTokenClaims, jws, tokenClaims } from './now-gg-messages.js';
import { Planted, shown } from '../seeded-secrets/planted.js';
import { call, type RawCall, type RawReply } from '../raw-http/raw-client.js';
import { RawPeer, type RawPeerOptions } from '../raw-http/raw-peer.js';
import { OffsetClock } from '../../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { closeApp } from '../../../apps/sample/src/http/close-app.js';

export type Platform = 'express' | 'fastify';
export const platforms: readonly Platform[] = ['express', 'fastify'];

type Wiring = Omit<Parameters<typeof NowggAuthModule.forRoot>[0], keyof NowggAuthOptions>;

export interface AppOptions {
  readonly peer?: RawPeerOptions;
  readonly options?: NowggAuthOptions;
  readonly wiring?: Wiring;
  readonly controllers?: readonly Type[];
  /** Configures no client secret. */
  readonly withoutSecret?: boolean;
}

/** Which handlers ran, how many calls the identity system got, and over how many connections. */
export interface Traffic {
  readonly handled: readonly string[];
  readonly calls: number;
  readonly connections: number;
}

const SECURITY_CHANNEL = 'nestjs-nowgg-auth:security';
const TOKEN_CHANNEL = 'nestjs-nowgg-auth:tokens';

@Module({})
class RoutesModule {}

/**
 * A Nest application that is guarded by the module, beside the scripted identity system that it asks. Whatever it
 * says, logs or announces is kept; when it is disposed of, nothing of that may contain a planted secret.
 */
export class AppUnderTest implements AsyncDisposable {
  readonly planted = new Planted();
  readonly clock = new OffsetClock();
  readonly peer: RawPeer;
  readonly clientSecret = this.planted.plant('client-secret');
  /** Lines of the application's log. */
  readonly log: string[] = [];
  readonly securityEvents: unknown[] = [];
  readonly #said: string[] = [];
  readonly #onEvent = (event: unknown) => void this.securityEvents.push(event);
  readonly #onTokenEvent = (event: unknown) => void this.#said.push(shown(event));
  #app: INestApplication | undefined;

  private constructor(peer: RawPeer) {
    this.peer = peer;
  }

  static async start(platform: Platform, options: AppOptions = {}): Promise<AppUnderTest> {
    const site = new AppUnderTest(await RawPeer.start(options.peer));
    try {
      await site.#boot(platform, options);
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
    return site;
  }

  /** Names of the handlers that ran. */
  get handled(): readonly string[] {
    return [...this.get(HandlerRuns).names];
  }

  /** How much has happened so far; for tests that share an application. */
  get soFar(): Traffic {
    return { handled: this.handled, calls: this.peer.requests.length, connections: this.peer.connectionCount };
  }

  /** What has happened since. */
  since(before: Traffic): Traffic {
    const { handled, calls, connections } = this.soFar;
    return {
      handled: handled.slice(before.handled.length),
      calls: calls - before.calls,
      connections: connections - before.connections,
    };
  }

  get<T>(token: Type<T> | (abstract new (...args: never[]) => T)): T {
    return this.#running().get<T>(token, { strict: false });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get server(): Server {
    return this.#running().getHttpServer() as Server;
  }

  /** A planted `token` of this client; the signature alone is looked for as well. */
  token(changes: Claims = {}, header?: Claims): string {
    return this.signed(tokenClaims(changes), header);
  }

  /** A planted `id_token` of this client. */
  idToken(changes: Claims = {}): string {
    return this.signed(idTokenClaims(changes));
  }

  /** Any payload at all, as a planted compact JWS. */
  signed(payload: unknown, header?: Claims): string {
    return this.planted.keep(jws(payload, this.planted.plant('signature'), header));
  }

  /** A planted token that is no JWS. */
  opaque(): string {
    return this.planted.plant('opaque');
  }

  async send(request: RawCall): Promise<RawReply> {
    const reply = await call(this.port, request);
    this.#said.push(reply.wire);
    return reply;
  }

  /** GET with a Bearer token, when there is one. */
  async fetch(path: string, token?: string): Promise<RawReply> {
    return this.send({ path, headers: token === undefined ? [] : [['Authorization', `Bearer ${token}`]] });
  }

  /** The same, by a caller who hangs up before the answer. */
  leaveDuring(path: string, token: string): { leave(): Promise<void> } {
    const head = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    const socket = connect(this.port, '127.0.0.1', () => socket.write(head));
    const closed = once(socket, 'close');
    return {
      async leave() {
        socket.destroy();
        await closed;
      },
    };
  }

  async postJson(path: string, value: unknown): Promise<RawReply> {
    const body = typeof value === 'string' ? value : JSON.stringify(value);
    return this.send({ method: 'POST', path, headers: [['Content-Type', 'application/json']], body });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    unsubscribe(SECURITY_CHANNEL, this.#onEvent);
    unsubscribe(TOKEN_CHANNEL, this.#onTokenEvent);
    if (this.#app) await closeApp(this.#app);
    await this.peer[Symbol.asyncDispose]();
    const found = this.planted.foundIn([...this.log, ...this.securityEvents.map(shown), ...this.#said].join('\n'));
    if (found.length > 0) throw new Error(`planted secrets came out: ${found.join(', ')}`);
  }

  #running(): INestApplication {
    if (!this.#app) throw new Error('the application is not running');
    return this.#app;
  }

  async #boot(
    platform: Platform,
    { options, wiring, controllers = [], withoutSecret = false }: AppOptions,
  ): Promise<void> {
    subscribe(SECURITY_CHANNEL, this.#onEvent);
    subscribe(TOKEN_CHANNEL, this.#onTokenEvent);
    const auth = NowggAuthModule.forRoot({
      clientId: CLIENT_ID,
      ...(withoutSecret ? {} : { clientSecret: this.clientSecret }),
      baseUrl: this.peer.url,
      strategyName: false,
      clock: this.clock,
      ...wiring,
      ...options,
    });
    const root: DynamicModule = {
      module: RoutesModule,
      imports: [auth],
      controllers: [GuardedRoutes, ...controllers],
      providers: [HandlerRuns],
    };
    const adapter: AbstractHttpAdapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
    this.#app = await NestFactory.create(root, adapter, { logger: this.#logger(), abortOnError: false });
    await this.#app.listen(0, '127.0.0.1');
  }

  #logger(): LoggerService {
    const write = (...parts: unknown[]) => void this.log.push(parts.map(shown).join(' '));
    return { log: write, error: write, warn: write, debug: write, verbose: write, fatal: write };
  }
}
