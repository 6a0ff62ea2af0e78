import 'reflect-metadata';
import { Controller, Get, Module, UseFilters, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  NowggAuthExceptionFilter,
  NowggAuthGuard,
  NowggAuthModule,
  type NowggAuthOptions,
  NowggUser,
  type NowggPrincipal,
} from 'nestjs-nowgg-auth';
import { typeOrmRevocationStore } from 'nestjs-nowgg-auth/typeorm';
import { migratedDataSource } from '../../test/support/token-service/migrated-database.js';

/** The first message to this process. The answer is its address. */
export interface GuardedGameStart {
  readonly databaseUrl: string;
  readonly options: NowggAuthOptions;
}

@Controller()
@UseGuards(NowggAuthGuard)
@UseFilters(NowggAuthExceptionFilter)
class PlayerRoutes {
  @Get('me')
  me(@NowggUser() { userId }: NowggPrincipal) {
    return { userId };
  }
}

process.once('message', (start: GuardedGameStart) => void run(start));

async function run({ databaseUrl, options }: GuardedGameStart): Promise<void> {
  const dataSource = await migratedDataSource(databaseUrl);
  const auth = NowggAuthModule.forRoot({
    ...options,
    revocationStore: { inject: [], create: (context) => typeOrmRevocationStore().create(context, dataSource) },
    strategyName: false,
  });
  @Module({ imports: [auth], controllers: [PlayerRoutes] })
  class GameModule {}
  const app = await NestFactory.create(GameModule, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  process.send?.({ url: await app.getUrl() });
}
