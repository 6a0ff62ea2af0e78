import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type INestApplication, Inject, Injectable, Module, type Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import {
  NowggAuth,
  NowggAuthModule,
  type NowggAuthModuleOptions,
  type NowggPrincipal,
  NowggUser,
  OptionalAuth,
  Public,
  RequireScopes,
} from 'nestjs-nowgg-auth';
import { nowggSocketUser, websockets, type WebSocketsOptions } from 'nestjs-nowgg-auth/websockets';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { WebSocket, type ClientOptions } from 'ws';
import { OffsetClock } from '../../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { closeApp } from '../../../apps/sample/src/http/close-app.js';
import { EMULATED_CLIENT } from '../../support/game/game-with-routes.js';

export type Kind = 'socket.io' | 'ws';

/** What the code of the application saw. */
@Injectable()
export class Seen {
  readonly connections: (string | undefined)[] = [];
  readonly disconnections: (string | undefined)[] = [];
  readonly messages: string[] = [];
  readonly clients: object[] = [];
  readonly requests: unknown[] = [];
}

abstract class SeeingGateway implements OnGatewayConnection<object>, OnGatewayDisconnect<object> {
  constructor(@Inject(Seen) protected readonly seen: Seen) {}

  handleConnection(client: object, request?: unknown) {
    this.seen.connections.push(nowggSocketUser(client)?.userId);
    this.seen.clients.push(client);
    this.seen.requests.push(request);
  }

  handleDisconnect(client: object) {
    this.seen.disconnections.push(nowggSocketUser(client)?.userId);
  }

  protected answer(kind: string, player: NowggPrincipal | undefined) {
    this.seen.messages.push(kind);
    return { event: kind, data: { player: player?.userId ?? null } };
  }
}

@WebSocketGateway({ path: '/lobby' })
export class LobbyGateway extends SeeingGateway {
  @SubscribeMessage('who')
  who(@NowggUser() player: NowggPrincipal, @ConnectedSocket() _client: object) {
    return this.answer('who', player);
  }

  @SubscribeMessage('scoped')
  @RequireScopes('no-such-scope')
  scoped(@NowggUser() player: NowggPrincipal) {
    return this.answer('scoped', player);
  }

  @SubscribeMessage('fresh')
  @NowggAuth({ maxAgeMs: 0 })
  fresh(@NowggUser() player: NowggPrincipal) {
    return this.answer('fresh', player);
  }

  @SubscribeMessage('recent')
  @NowggAuth({ maxAuthAgeMs: 1 })
  recent(@NowggUser() player: NowggPrincipal) {
    return this.answer('recent', player);
  }

  @SubscribeMessage('open')
  @Public()
  open(@NowggUser() player: NowggPrincipal | undefined, @MessageBody() _body: unknown) {
    return this.answer('open', player);
  }
}

@WebSocketGateway({ path: '/news' })
@Public()
export class NewsGateway extends SeeingGateway {
  @SubscribeMessage('headlines')
  @Public()
  headlines() {
    return this.answer('headlines', undefined);
  }

  @SubscribeMessage('mine')
  @OptionalAuth()
  mine(@NowggUser() player: NowggPrincipal | undefined) {
    return this.answer('mine', player);
  }

  @SubscribeMessage('letters')
  @RequireScopes('email')
  letters(@NowggUser() player: NowggPrincipal) {
    return this.answer('letters', player);
  }
}

export interface SocketAppOptions {
  readonly gateways?: readonly Provider[];
  readonly module?: Partial<NowggAuthModuleOptions>;
  readonly websockets?: WebSocketsOptions;
  readonly prepare?: (app: INestApplication) => void;
  /** Provided by the tests that share one. */
  readonly emulator?: NowggEmulator;
}

/** The end of a socket as its client sees it. */
export interface SeenEnd {
  readonly code?: number;
  readonly errorCode: string;
  readonly reasonCode?: string;
  readonly text?: string;
  readonly until?: string;
  readonly [more: string]: unknown;
}

/** A Nest application with gateways, the identity system that it asks, and clients of both kinds. */
export class SocketApp implements AsyncDisposable {
  readonly clients: { close(): unknown }[] = [];

  private constructor(
    readonly kind: Kind,
    readonly app: INestApplication,
    readonly emulator: NowggEmulator,
    readonly clock: OffsetClock,
    private readonly ownsEmulator: boolean,
  ) {}

  static async start(kind: Kind, options: SocketAppOptions = {}): Promise<SocketApp> {
    const emulator = options.emulator ?? (await startNowggEmulator({ clients: [EMULATED_CLIENT] }));
    const clock = new OffsetClock();
    const auth = NowggAuthModule.forRoot({
      ...EMULATED_CLIENT,
      baseUrl: emulator.url,
      strategyName: false,
      globalGuard: true,
      clock,
      transports: [websockets(options.websockets)],
      ...options.module,
    });
    @Module({
      imports: [auth],
      providers: [Seen, ...(options.gateways ?? [LobbyGateway, NewsGateway])],
      exports: [Seen],
    })
    class SocketsModule {}
    const app = await NestFactory.create(SocketsModule, { logger: false, abortOnError: false });
    try {
      app.useWebSocketAdapter(kind === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
      options.prepare?.(app);
      await app.listen(0, '127.0.0.1');
    } catch (error) {
      await app.close();
      if (!options.emulator) await emulator.close();
      throw error;
    }
    return new SocketApp(kind, app, emulator, clock, options.emulator === undefined);
  }

  get seen(): Seen {
    return this.app.get(Seen, { strict: false });
  }

  get port(): number {
    return (this.app.getHttpServer() as { address(): AddressInfo }).address().port;
  }

  /** A token of a new player, or of this one. */
  token(userId = this.emulator.addPlayer().userId, lifetimeSeconds?: number): string {
    return this.emulator.issueTokens({ userId, ...(lifetimeSeconds !== undefined && { lifetimeSeconds }) }).token;
  }

  /** A client of socket.io; connects to the lobby. */
  io(options: Partial<ManagerOptions & SocketOptions> = {}, namespace = ''): Socket {
    const client = io(`http://127.0.0.1:${this.port}${namespace}`, {
      path: '/lobby',
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      ...options,
    });
    this.clients.push(client);
    return client;
  }

  ws(path: string, protocols: string[] = [], options: ClientOptions = {}): WebSocket {
    const client = new WebSocket(`ws://127.0.0.1:${this.port}${path}`, protocols, options);
    client.on('error', () => undefined);
    this.clients.push({ close: () => client.terminate() });
    return client;
  }

  /** Connects to the lobby with a token, in the usual way of the kind. */
  async connect(token: string): Promise<TestClient> {
    const client =
      this.kind === 'ws'
        ? new WsClient(this.ws('/lobby', ['nowgg.v1', `bearer.${token}`], { origin: 'http://game.test' }))
        : new IoClient(this.io({ auth: { token } }));
    await client.opened();
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.close();
    await closeApp(this.app);
    if (this.ownsEmulator) await this.emulator.close();
  }
}

/** One client of either kind. */
export interface TestClient {
  opened(): Promise<void>;
  /** Sends a message, and returns its answer or the error that came instead. */
  ask(event: string, data?: unknown): Promise<Record<string, unknown>>;
  /** Resolves when the server ends the socket. */
  ended(): Promise<SeenEnd>;
}

export class IoClient implements TestClient {
  readonly #end: Promise<SeenEnd>;

  constructor(readonly socket: Socket) {
    this.#end = new Promise((resolve) => {
      let end: SeenEnd = { errorCode: 'none' };
      socket.on('nowgg:end', (data: SeenEnd) => (end = data));
      socket.on('disconnect', () => resolve(end));
    });
  }

  async opened(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.socket.once('connect', resolve);
      this.socket.once('connect_error', reject);
    });
  }

  async ask(event: string, data: unknown = {}): Promise<Record<string, unknown>> {
    return new Promise((resolve) => {
      const settle = (answer: Record<string, unknown>) => {
        this.socket.off('exception', settle);
        this.socket.off(event, settle);
        resolve(answer);
      };
      this.socket.once('exception', settle);
      // Nest emits an answer that names an event.
      this.socket.once(event, settle);
      this.socket.emit(event, data, settle);
    });
  }

  async ended(): Promise<SeenEnd> {
    return this.#end;
  }
}

export class WsClient implements TestClient {
  readonly #end: Promise<SeenEnd>;
  readonly #opened: Promise<unknown>;

  constructor(readonly socket: WebSocket) {
    this.#opened = once(socket, 'open');
    this.#opened.catch(() => undefined);
    this.#end = new Promise((resolve) => {
      let end: Partial<SeenEnd> = {};
      socket.on('message', (data: Buffer) => {
        const message = JSON.parse(data.toString()) as { event: string; data: SeenEnd };
        if (message.event === 'nowgg:end') end = message.data;
      });
      socket.once('close', (code, reason: Buffer) => resolve({ ...end, code, errorCode: reason.toString() }));
    });
  }

  async opened(): Promise<void> {
    await this.#opened;
  }

  async ask(event: string, data: unknown = {}): Promise<Record<string, unknown>> {
    this.socket.send(JSON.stringify({ event, data }));
    const [message] = (await once(this.socket, 'message')) as [Buffer];
    const answer = JSON.parse(message.toString()) as { data: Record<string, unknown> };
    return answer.data;
  }

  async ended(): Promise<SeenEnd> {
    return this.#end;
  }
}
