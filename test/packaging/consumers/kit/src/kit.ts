// A test of a backend, without a test runner: what its global guard answers to a test user, printed as JSON.
import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { type CanActivate, Controller, type ExecutionContext, Get, Module, UseGuards } from '@nestjs/common';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { NowggAuthGuard, NowggAuthModule, NowggUser } from 'nestjs-nowgg-auth';
import { asUser, fakePrincipal, overrideNowggAuth } from 'nestjs-nowgg-auth/testing';

@Controller()
class GlobalController {
  @Get('global')
  me(@NowggUser('userId') userId: string): string {
    return userId;
  }
}

@Controller()
@UseGuards(NowggAuthGuard)
class OwnController {
  @Get('own')
  me(@NowggUser('userId') userId: string): string {
    return userId;
  }
}

@Module({
  imports: [NowggAuthModule.forRoot({ clientId: 'game', globalGuard: true, strategyName: false })],
  controllers: [GlobalController, OwnController],
})
class AppModule {}

const mocked: CanActivate = {
  canActivate: (context: ExecutionContext) => {
    context.switchToHttp().getRequest<{ user: unknown }>().user = fakePrincipal('mocked');
    return true;
  },
};

/** The answer of both routes, which must be the same. */
async function answerTo(builder: TestingModuleBuilder, headers: Record<string, string> = {}): Promise<string> {
  const app = (await builder.compile()).createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  try {
    const { port } = app.getHttpServer().address() as AddressInfo;
    const answers = await Promise.all(
      ['global', 'own'].map(async (path) => {
        const reply = await fetch(`http://127.0.0.1:${port}/${path}`, { headers });
        const text = await reply.text();
        return reply.ok ? `${reply.status} ${text}` : String(reply.status);
      }),
    );
    return [...new Set(answers)].join(' and ');
  } finally {
    await app.close();
  }
}

async function main(): Promise<void> {
  const builder = () => Test.createTestingModule({ imports: [AppModule] });
  const found = {
    signedIn: await answerTo(overrideNowggAuth(builder()), asUser('player-1')),
    stranger: await answerTo(overrideNowggAuth(builder()), { authorization: 'Bearer not-a-token' }),
    guardReplaced: await answerTo(builder().overrideGuard(NowggAuthGuard).useValue(mocked)),
    providerReplaced: await answerTo(builder().overrideProvider(NowggAuthGuard).useValue(mocked)),
  };
  process.stdout.write(JSON.stringify(found));
}

void main();
