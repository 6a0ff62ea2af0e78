import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { writeHeapSnapshot } from 'node:v8';
import { type DynamicModule, type INestApplication, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { WsAdapter } from '@nestjs/platform-ws';
import { TypeOrmModule } from '@nestjs/typeorm';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { NowggAuthGuard, NowggAuthModule, NowggRevocationService, NowggUser } from 'nestjs-nowgg-auth';
import { redisSharedCache } from 'nestjs-nowgg-auth/redis';
import { typeOrmRevocationStore } from 'nestjs-nowgg-auth/typeorm';
import { nowggSocketUser, websockets } from 'nestjs-nowgg-auth/websockets';
import type { WebSocket } from 'ws';
import { serve } from '../support/child-process.js';
import { type HeldUp, watchEventLoop } from '../support/held-up.js';
import { client } from '../verify/tokens.js';

export interface ServerSettings {
  readonly baseUrl: string;
  /** Whether the application has the module at all. */
  readonly isGuarded: boolean;
  /** Whether to note when sockets are closed. */
  readonly isTimed?: boolean;
  /** Bans are shared through this PostgreSQL. */
  readonly databaseUrl?: string;
  /** Bans are announced through this Redis. */
  readonly redisUrl?: string;
}

/** The same in every server of the benchmark. */
const SEALING_KEY = createHash('sha256').update('bench:sockets').digest('base64');

let app: INestApplication;
let endWatch: () => HeldUp;
const clients = new Set<WebSocket>();
const lateMs: number[] = [];
let isTimed = false;

@WebSocketGateway({ path: '/lobby' })
class LobbyGateway implements OnGatewayConnection<WebSocket> {
  handleConnection(socket: WebSocket) {
    clients.add(socket);
    socket.once('close', () => clients.delete(socket));
    const expiresAt = isTimed ? nowggSocketUser(socket)?.expiresAt?.getTime() : undefined;
    if (expiresAt === undefined) return;
    const close = socket.close.bind(socket);
    socket.close = (...given) => {
      lateMs.push(Date.now() - expiresAt);
      close(...given);
    };
  }

  @SubscribeMessage('who')
  who(@NowggUser('userId') userId: string) {
    return { event: 'who', data: { userId } };
  }
}

@WebSocketGateway({ path: '/lobby' })
class OpenGateway implements OnGatewayConnection<WebSocket> {
  handleConnection(socket: WebSocket) {
    clients.add(socket);
    socket.once('close', () => clients.delete(socket));
  }

  @SubscribeMessage('who')
  who() {
    return { event: 'who', data: {} };
  }
}

@Module({})
class GameModule {}

/** @returns the URL of the gateway */
async function start(settings: ServerSettings): Promise<string> {
  isTimed = settings.isTimed ?? false;
  const gateway: Type = settings.isGuarded ? LobbyGateway : OpenGateway;
  const game: DynamicModule = {
    module: GameModule,
    imports: settings.isGuarded ? authentication(settings) : [],
    providers: [gateway],
  };
  app = await NestFactory.create(game, { logger: ['error', 'warn'], abortOnError: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0, '127.0.0.1');
  return `${(await app.getUrl()).replace('http', 'ws')}/lobby`;
}

function authentication({ baseUrl, databaseUrl, redisUrl }: ServerSettings): DynamicModule[] {
  const auth = NowggAuthModule.forRoot({
    ...client,
    baseUrl,
    strategyName: false,
    globalGuard: true,
    transports: [websockets()],
    ...(databaseUrl !== undefined && { revocationStore: typeOrmRevocationStore() }),
    ...(redisUrl !== undefined && {
      sharedCache: redisSharedCache({ url: redisUrl }),
      tokens: { encryptionKeys: [{ id: 'k1', key: SEALING_KEY }] },
    }),
  });
  if (databaseUrl === undefined) return [auth];
  return [TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, poolSize: 5, installExtensions: false }), auth];
}

function watch(): void {
  endWatch = watchEventLoop();
}

/** How late the sockets were closed, in milliseconds after the expiry of their tokens. */
function lateness(): { readonly lateMs: readonly number[]; readonly heldUp: HeldUp } {
  return { lateMs: lateMs.splice(0), heldUp: endWatch() };
}

/** Bans players one after the other. @returns when each ban began, in milliseconds of the epoch */
async function ban(userIds: readonly string[]): Promise<number[]> {
  const revocations = app.get(NowggRevocationService);
  const begun: number[] = [];
  for (const userId of userIds) {
    begun.push(Date.now());
    await revocations.revoke({ userId }, { until: new Date('2099-01-01') });
  }
  return begun;
}

/** Processor time of the guard for one message on a stored verdict, in microseconds, for each round. */
function messages(rounds: number, perRound: number): number[] {
  const guard = app.get(NowggAuthGuard, { strict: false });
  const handler = Reflect.get(LobbyGateway.prototype, 'who') as () => unknown;
  const contexts = [...clients].map((socket) => {
    const context = new ExecutionContextHost([socket, {}, 'who'], LobbyGateway, handler);
    context.setType('ws');
    return context;
  });
  const round = (): number => {
    const before = process.cpuUsage();
    for (let call = 0; call < perRound; call += 1) {
      const context = contexts[call % contexts.length];
      if (context === undefined || guard.canActivate(context) !== true) throw new Error('a message was not admitted');
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / perRound;
  };
  return Array.from({ length: rounds }, round);
}

/** Memory in use after a garbage collection, in bytes. */
function usedBytes(): number {
  for (let turn = 0; turn < 4; turn += 1) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** @returns the path of the file */
function snapshot(path: string): string {
  return writeHeapSnapshot(path);
}

const sockets = () => clients.size;

const operations = { start, watch, lateness, ban, messages, usedBytes, snapshot, sockets };
export type ServerOperations = typeof operations;

serve(operations);
