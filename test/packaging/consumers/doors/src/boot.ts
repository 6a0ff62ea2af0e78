// Whether applications with gateways start, and which guard decides about their messages, printed as JSON.
import 'reflect-metadata';
import { Module, type Type, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { auditRoutes, NowggAuthGuard, NowggAuthModule, type NowggAuthModuleOptions, Public } from 'nestjs-nowgg-auth';
import { websockets } from 'nestjs-nowgg-auth/websockets';

@WebSocketGateway()
class BareGateway {
  @SubscribeMessage('move')
  move(): void {}
}

@WebSocketGateway()
@UseGuards(NowggAuthGuard)
class GuardedGateway {
  @SubscribeMessage('move')
  move(): void {}
}

@WebSocketGateway()
class GuardedMessageGateway {
  @SubscribeMessage('move')
  @UseGuards(NowggAuthGuard)
  move(): void {}
}

@WebSocketGateway()
class PublicGateway {
  @SubscribeMessage('move')
  @Public()
  move(): void {}
}

/** @returns the guard of the message, or the error with which the application does not start */
async function boot(gateway: Type, options: Partial<NowggAuthModuleOptions>): Promise<string> {
  const auth = NowggAuthModule.forRoot({
    clientId: 'demo-client',
    clientSecret: 'demo-secret',
    strategyName: false,
    transports: [websockets()],
    ...options,
  });
  @Module({ imports: [auth], providers: [gateway] })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  app.useWebSocketAdapter(new IoAdapter(app));
  try {
    await app.init();
    const { routes } = auditRoutes(app);
    return `guarded by ${routes.find(({ address }) => address === 'move')?.guardedBy ?? 'nothing'}`;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await app.close();
  }
}

const outcomes = {
  bare: await boot(BareGateway, { globalGuard: true }),
  bareFirst: await boot(BareGateway, { globalGuard: 'first' }),
  guarded: await boot(GuardedGateway, { globalGuard: true }),
  guardedMessage: await boot(GuardedMessageGateway, { globalGuard: true }),
  public: await boot(PublicGateway, { globalGuard: true }),
  withoutGlobalGuard: await boot(BareGateway, { onUnprotected: 'fail' }),
};
process.stdout.write(JSON.stringify(outcomes));
