import 'reflect-metadata';
import { Controller, Get, Inject, Module, Param, UseFilters } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { NowggAuthExceptionFilter, NowggAuthModule, type NowggAuthOptions, NowggTokenService } from 'nestjs-nowgg-auth';
import { typeOrmRevocationStore, typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { migratedDataSource } from '../../token-service/migrated-database.js';

/** The first message to this process. The answer is its address as {@link GameProcessReady}. */
export interface GameProcessStart {
  readonly databaseUrl: string;
  readonly options: NowggAuthOptions;
  /** Size of the application's own pool. Default 10. */
  readonly poolSize?: number;
}

export interface GameProcessReady {
  readonly url: string;
}

@Controller()
@UseFilters(NowggAuthExceptionFilter)
class TokenRoutes {
  constructor(@Inject(NowggTokenService) private readonly tokens: NowggTokenService) {}

  @Get('generation/:grantId')
  async generation(@Param('grantId') grantId: string) {
    const { generation } = await this.tokens.getAccessToken(grantId);
    return { generation };
  }
}

process.once('message', (start: GameProcessStart) => void run(start));

async function run({ databaseUrl, options, poolSize }: GameProcessStart): Promise<void> {
  const dataSource = await migratedDataSource(databaseUrl, poolSize);
  const auth = NowggAuthModule.forRoot({
    ...options,
    tokenStore: { inject: [], create: (context) => typeOrmTokenStore().create(context, dataSource) },
    revocationStore: { inject: [], create: (context) => typeOrmRevocationStore().create(context, dataSource) },
    strategyName: false,
  });
  @Module({ imports: [auth], controllers: [TokenRoutes] })
  class GameModule {}
  const app = await NestFactory.create(GameModule, { logger: false, abortOnError: false });
  app.enableShutdownHooks();
  await app.listen(0, '127.0.0.1');
  process.send?.({ url: await app.getUrl() } satisfies GameProcessReady);
}
