import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { writeHeapSnapshot } from 'node:v8';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { memoryTokenStore, NowggAuthModule, type NowggAuthOptions } from 'nestjs-nowgg-auth';
import { ExchangeRoutes } from '../../game/exchange-routes.js';
import { GuardedRoutes, HandlerRuns } from '../../game/guarded-routes.js';

/** What the owner of this process sends it at the start; `control` is a string that has to be in the heap. */
export interface PlantedAppStart {
  readonly platform: 'express' | 'fastify';
  readonly options: NowggAuthOptions;
  readonly control: string;
}

/** Then: where to write the snapshot, when all work is over. */
export interface PlantedAppSnapshot {
  readonly snapshot: string;
}

@Module({})
class RoutesModule {}

const kept = new Map<string, string>();
const collectGarbage = (globalThis as { gc?: () => void }).gc;

process.once('message', (start: PlantedAppStart) => void run(start));

async function run({ platform, options, control }: PlantedAppStart): Promise<void> {
  kept.set('control', control);
  const auth = NowggAuthModule.forRoot({ ...options, strategyName: false, tokenStore: memoryTokenStore() });
  const controllers = [GuardedRoutes, ExchangeRoutes];
  const root: DynamicModule = { module: RoutesModule, imports: [auth], controllers, providers: [HandlerRuns] };
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create(root, adapter, { abortOnError: false });
  await app.listen(0, '127.0.0.1');
  process.send?.({ port: (app.getHttpServer().address() as AddressInfo).port });

  process.once('message', ({ snapshot }: PlantedAppSnapshot) => {
    void (async () => {
      // Two rounds: what the first one finalises lets go of more.
      for (const _round of [1, 2]) {
        collectGarbage?.();
        await turn();
      }
      writeHeapSnapshot(snapshot);
      process.send?.({ written: kept.size });
      await app.close();
      process.disconnect();
    })();
  });
}
