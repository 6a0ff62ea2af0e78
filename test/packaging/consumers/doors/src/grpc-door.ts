import { Metadata, status } from '@grpc/grpc-js';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type ClientGrpc,
  ClientProxyFactory,
  GrpcMethod,
  type GrpcOptions,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices';
import { NowggUser, OptionalAuth, Public, RequireScopes } from 'nestjs-nowgg-auth';
import { microservices } from 'nestjs-nowgg-auth/microservices';
import { firstValueFrom, type Observable } from 'rxjs';
import { bearerOf, type Door, type Handler, type NotApplicable, type Reply } from './cases.js';
import { freePort } from './message-doors.js';
import type { World } from './world.js';

@Controller()
class PlayersController {
  @GrpcMethod('Players', 'Who')
  who(@NowggUser('userId') userId: string, ..._more: unknown[]): object {
    return { userId };
  }

  @GrpcMethod('Players', 'Scoped')
  @RequireScopes('no-such-scope')
  scoped(_question: unknown, ..._more: unknown[]): object {
    return { userId: 'never' };
  }

  @GrpcMethod('Players', 'Open')
  @Public()
  open(@NowggUser('userId') userId?: string, ..._more: unknown[]): object {
    return { userId };
  }

  @GrpcMethod('Players', 'Optional')
  @OptionalAuth()
  optional(@NowggUser('userId') userId?: string, ..._more: unknown[]): object {
    return { userId };
  }
}

type Players = Record<Handler, (question: object, metadata: Metadata) => Observable<{ userId?: string }>>;

const ONE_HEADER: NotApplicable = { reason: 'the HTTP/2 of Node.js sends one `authorization` only' };

export async function grpcDoor(world: World): Promise<Door> {
  const transport: GrpcOptions = {
    transport: Transport.GRPC,
    options: { url: `127.0.0.1:${await freePort()}`, package: 'players', protoPath: 'src/players.proto' },
  };
  @Module({ imports: [world.auth({ transports: [microservices()] })], controllers: [PlayersController] })
  class AppModule {}
  const options: MicroserviceOptions & { logger: false } = { ...transport, logger: false };
  const app = world.add(await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, options));
  await app.listen();
  const client = ClientProxyFactory.create(transport) as unknown as ClientGrpc & { close(): unknown };
  const players = client.getService<Players>('Players');
  return {
    ask: async (handler, { second, ...one }): Promise<Reply | NotApplicable> => {
      if (second !== undefined) return ONE_HEADER;
      const metadata = new Metadata();
      const authorization = bearerOf(one);
      if (authorization !== undefined) metadata.add('authorization', authorization);
      try {
        const { userId } = await firstValueFrom(players[handler]({}, metadata));
        // An absent text is an empty one in this format.
        return { outcome: userId || 'anonymous', code: status[status.OK] };
      } catch (error) {
        const { code, metadata: trailing } = error as { code?: status; metadata?: Metadata };
        if (code === undefined || !trailing) throw error;
        return { outcome: String(trailing.get('nowgg-error-code')[0]), code: status[code] };
      }
    },
    close: async () => {
      await client.close();
      await app.close();
    },
  };
}
