import { describe, expect, it } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { NowggAuthModule, NowggUser } from 'nestjs-nowgg-auth';
import { microservices } from 'nestjs-nowgg-auth/microservices';
import { firstValueFrom } from 'rxjs';
import { CALLERS, type Caller, DoorPlayers } from '../e2e/doors/door-players.js';
import { RedisServer } from '../support/servers/redis-server.js';

@Controller()
class ScoresController {
  @MessagePattern('best') best(@NowggUser('userId') userId: string, ..._more: unknown[]): unknown {
    return userId;
  }
}

describe('a microservice over Redis', () => {
  it('decides about each message by the metadata of its packet', async () => {
    await using redis = await RedisServer.start();
    await using players = await DoorPlayers.start();
    const { hostname: host, port } = new URL(redis.url);
    const transport = { transport: Transport.REDIS, options: { host, port: Number(port) } } as const;
    const auth = NowggAuthModule.forRoot({
      ...players.options,
      transports: [microservices()],
      globalGuard: true,
      strategyName: false,
    });
    @Module({ imports: [auth], controllers: [ScoresController] })
    class AppModule {}
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, { ...transport, logger: false });
    await app.listen();
    const client = ClientProxyFactory.create(transport);
    let authorization: string | undefined;
    client.setOnDispatchHook((packet) => {
      if (authorization !== undefined) packet.metadata = { authorization };
    });
    for (const caller of Object.keys(CALLERS) as Caller[]) {
      authorization = await players.authorization(caller, app);
      const answer: unknown = await firstValueFrom(client.send('best', {})).catch((error: unknown) => error);
      const code = CALLERS[caller];
      const refusal = expect.objectContaining({ errorCode: code, statusCode: 401 });
      expect([caller, answer]).toEqual([caller, code === undefined ? 'player-1' : refusal]);
    }
    await client.close();
    await app.close();
  });
});
