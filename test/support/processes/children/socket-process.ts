import 'reflect-metadata';
import { writeHeapSnapshot } from 'node:v8';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { NowggAuthModule, type NowggAuthOptions, NowggRevocationService, NowggUser } from 'nestjs-nowgg-auth';
import { typeOrmRevocationStore } from 'nestjs-nowgg-auth/typeorm';
import { websockets } from 'nestjs-nowgg-auth/websockets';
import { migratedDataSource } from '../../token-service/migrated-database.js';

/** The first message to this process. The answer is its address as {@link SocketProcessReady}. */
export interface SocketProcessStart {
  readonly databaseUrl: string;
  readonly kind: 'socket.io' | 'ws';
  readonly options: NowggAuthOptions;
}

export interface SocketProcessReady {
  readonly url: string;
}

/** Bans a player, writes a heap snapshot to a path, or asks how many sockets have reached the gateway. */
export interface SocketProcessOrder {
  readonly ban?: string;
  readonly snapshot?: string;
}

let connections = 0;

@WebSocketGateway({ path: '/lobby' })
class LobbyGateway implements OnGatewayConnection {
  handleConnection() {
    connections += 1;
  }

  @SubscribeMessage('who')
  who(@NowggUser('userId') userId: string) {
    return { event: 'who', data: { player: userId } };
  }
}

process.once('message', (start: SocketProcessStart) => void run(start));

async function run({ databaseUrl, kind, options }: SocketProcessStart): Promise<void> {
  const dataSource = await migratedDataSource(databaseUrl);
  const auth = NowggAuthModule.forRoot({
    ...options,
    revocationStore: { inject: [], create: (context) => typeOrmRevocationStore().create(context, dataSource) },
    globalGuard: true,
    strategyName: false,
    transports: [websockets()],
  });
  @Module({ imports: [auth], providers: [LobbyGateway] })
  class SocketsModule {}
  const app = await NestFactory.create(SocketsModule, { logger: false, abortOnError: false });
  app.useWebSocketAdapter(kind === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
  await app.listen(0, '127.0.0.1');
  process.on('message', ({ ban, snapshot }: SocketProcessOrder) => {
    void (async () => {
      if (ban !== undefined) {
        await app.get(NowggRevocationService).revoke({ userId: ban }, { until: new Date('2099-01-01') });
      }
      if (snapshot !== undefined) writeHeapSnapshot(snapshot);
      process.send?.({ connections });
    })();
  });
  process.send?.({ url: await app.getUrl() } satisfies SocketProcessReady);
}
