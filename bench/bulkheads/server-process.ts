import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { Controller, type DynamicModule, Get, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { memoryTokenStore, NowggAuthGuard, NowggAuthModule } from 'nestjs-nowgg-auth';
import { serve } from '../support/child-process.js';

@Controller()
@UseGuards(NowggAuthGuard)
class GameController {
  @Get('play')
  play(): string {
    return 'ok';
  }
}

@Module({})
class GameModule {}

/** The game's server, guarded and with the ready-made routes. @returns its port */
async function start({ baseUrl, clientId }: { baseUrl: string; clientId: string }): Promise<number> {
  const auth = NowggAuthModule.forRoot({
    clientId,
    clientSecret: 'bench-secret',
    baseUrl,
    strategyName: false,
    tokenStore: memoryTokenStore(),
    routes: true,
    tokens: {
      encryptionKeys: [{ id: 'k1', key: Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64') }],
    },
  });
  const root: DynamicModule = { module: GameModule, imports: [auth], controllers: [GameController] };
  const app = await NestFactory.create(root, { logger: false });
  await app.listen(0, '127.0.0.1');
  return ((app.getHttpServer() as Server).address() as AddressInfo).port;
}

const operations = { start };

export type ServerOperations = typeof operations;

serve(operations);
