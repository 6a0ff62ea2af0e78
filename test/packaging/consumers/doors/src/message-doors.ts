import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  MessagePattern,
  type MicroserviceOptions,
  type RedisOptions,
  type TcpClientOptions,
  type TcpOptions,
  Transport,
} from '@nestjs/microservices';
import { NowggUser, OptionalAuth, Public, RequireScopes } from 'nestjs-nowgg-auth';
import { microservices } from 'nestjs-nowgg-auth/microservices';
import { firstValueFrom } from 'rxjs';
import { bearerOf, type Credential, type Door, type NotApplicable, type Reply } from './cases.js';
import { isNest11, type World } from './world.js';

@Controller()
class PlayerController {
  @MessagePattern('who')
  who(@NowggUser('userId') userId: string, ..._more: unknown[]): object {
    return { userId };
  }

  @MessagePattern('scoped')
  @RequireScopes('no-such-scope')
  scoped(_data: unknown, ..._more: unknown[]): object {
    return { userId: 'never' };
  }

  @MessagePattern('open')
  @Public()
  open(@NowggUser('userId') userId?: string, ..._more: unknown[]): object {
    return { userId };
  }

  @MessagePattern('optional')
  @OptionalAuth()
  optional(@NowggUser('userId') userId?: string, ..._more: unknown[]): object {
    return { userId };
  }
}

/** Packets have metadata from Nest 12 on. Before it, this application has the credential in the payload. */
interface Packets {
  setOnDispatchHook(hook: (packet: { metadata?: Record<string, string> }) => void): void;
}

const ONE_FIELD: NotApplicable = { reason: 'on Nest 11, `authorizationOf` of the application returns one credential' };

async function messageDoor(world: World, transport: TcpOptions | RedisOptions): Promise<Door> {
  const authorizationOf = (data: unknown) => (data as { authorization?: string }).authorization;
  const auth = world.auth({ transports: [microservices(isNest11 ? { authorizationOf } : {})] });
  @Module({ imports: [auth], controllers: [PlayerController] })
  class AppModule {}
  const options: MicroserviceOptions & { logger: false } = { ...transport, logger: false };
  const app = world.add(await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, options));
  await app.listen();
  const client = ClientProxyFactory.create(transport as TcpClientOptions);
  let metadata: Record<string, string> = {};
  if (!isNest11) (client as unknown as Packets).setOnDispatchHook((packet) => void (packet.metadata = metadata));
  return {
    ask: async (handler, credential): Promise<Reply | NotApplicable> => {
      if (isNest11 && credential.second !== undefined) return ONE_FIELD;
      metadata = metadataOf(credential);
      try {
        const { userId = 'anonymous' } = await firstValueFrom(
          client.send<{ userId?: string }>(handler, isNest11 ? metadata : {}),
        );
        return { outcome: userId, code: 'answer' };
      } catch (error) {
        const { errorCode = String(error), statusCode } = error as { errorCode?: string; statusCode?: number };
        return { outcome: errorCode, code: `error ${statusCode}` };
      }
    },
    close: async () => {
      await client.close();
      await app.close();
    },
  };
}

function metadataOf({ second, ...one }: Credential): Record<string, string> {
  const authorization = bearerOf(one);
  return {
    ...(authorization !== undefined && { authorization }),
    ...(second !== undefined && { Authorization: `Bearer ${second}` }),
  };
}

export async function tcpDoor(world: World): Promise<Door> {
  return await messageDoor(world, { transport: Transport.TCP, options: { host: '127.0.0.1', port: await freePort() } });
}

export async function redisDoor(world: World): Promise<Door> {
  const { hostname: host, port } = new URL(process.env.REDIS_URL ?? '');
  return await messageDoor(world, { transport: Transport.REDIS, options: { host, port: Number(port) } });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
