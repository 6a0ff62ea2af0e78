// A backend that only verifies: what its guarded route answers, printed as JSON.
import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Controller, Get, type INestApplication, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { NowggAuthGuard, NowggAuthModule, NowggPrincipal, NowggUser, Public, RequireScopes } from 'nestjs-nowgg-auth';
import { startNowggEmulator } from 'nowgg-emulator';

@Controller()
@UseGuards(NowggAuthGuard)
class PlayerController {
  @Get('me')
  me(@NowggUser() player: NowggPrincipal, @NowggUser('userId') userId: string): object {
    return { provider: player.provider, userId, same: player.userId === userId, type: player.tokenType };
  }

  @RequireScopes('no-such-scope')
  @Get('purchases')
  purchases(): string {
    return 'never';
  }

  @Public()
  @Get('health')
  health(): string {
    return 'well';
  }
}

async function answerOf(app: INestApplication, path: string, token?: string): Promise<object> {
  const { port } = app.getHttpServer().address() as AddressInfo;
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const reply = await fetch(`http://127.0.0.1:${port}/${path}`, { headers });
  return {
    status: reply.status,
    challenge: reply.headers.get('www-authenticate'),
    retryAfter: reply.headers.get('retry-after'),
    body: await reply.text(),
  };
}

async function main(): Promise<void> {
  const emulator = await startNowggEmulator({ players: [{ userId: 'player-1' }] });

  @Module({
    imports: [NowggAuthModule.forRoot({ clientId: 'demo-client', clientSecret: 'demo-secret', baseUrl: emulator.url })],
    controllers: [PlayerController],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  const [first, second] = [emulator.issueTokens().token, emulator.issueTokens().token];
  const answers: Record<string, object> = {
    token: await answerOf(app, 'me', first),
    idToken: await answerOf(app, 'me', emulator.issueIdToken()),
    bare: await answerOf(app, 'me'),
    foreign: await answerOf(app, 'me', 'not-a-token'),
    scope: await answerOf(app, 'purchases', first),
    public: await answerOf(app, 'health'),
  };
  await emulator.close();
  answers.down = await answerOf(app, 'me', second);
  await app.close();
  process.stdout.write(JSON.stringify(answers));
}

void main();
