import type { AddressInfo } from 'node:net';
import { Controller, Get, type INestApplication, type MessageEvent, Module, Sse } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { NowggUser, OptionalAuth, Public, RequireScopes } from 'nestjs-nowgg-auth';
import { type Observable, of } from 'rxjs';
import { bearerOf, type Credential, type Door, type Handler, type Reply } from './cases.js';
import type { World } from './world.js';

@Controller()
class PlayerController {
  @Get('who')
  who(@NowggUser('userId') userId: string): object {
    return { userId };
  }

  @Get('scoped')
  @RequireScopes('no-such-scope')
  scoped(): object {
    return { userId: 'never' };
  }

  @Get('open')
  @Public()
  open(@NowggUser('userId') userId?: string): object {
    return { userId };
  }

  @Get('optional')
  @OptionalAuth()
  optional(@NowggUser('userId') userId?: string): object {
    return { userId };
  }
}

@Controller('stream')
class StreamController {
  @Sse('who')
  who(@NowggUser('userId') userId: string): Observable<MessageEvent> {
    return of({ data: { userId } });
  }

  @Sse('scoped')
  @RequireScopes('no-such-scope')
  scoped(): Observable<MessageEvent> {
    return of({ data: { userId: 'never' } });
  }

  @Sse('open')
  @Public()
  open(@NowggUser('userId') userId?: string): Observable<MessageEvent> {
    return of({ data: { userId } });
  }

  @Sse('optional')
  @OptionalAuth()
  optional(@NowggUser('userId') userId?: string): Observable<MessageEvent> {
    return of({ data: { userId } });
  }
}

/** Sends a credential as a request of HTTP does: the header, and the second one in the query. */
export async function send(url: string, { second, ...one }: Credential, init: RequestInit = {}): Promise<Response> {
  const authorization = bearerOf(one);
  const headers = {
    ...(init.headers as Record<string, string>),
    ...(authorization !== undefined && { authorization }),
  };
  return await fetch(second === undefined ? url : `${url}?access_token=${second}`, { ...init, headers });
}

export function portOf(app: INestApplication): number {
  return (app.getHttpServer() as { address(): AddressInfo }).address().port;
}

type Framework = 'express' | 'fastify';

async function start(world: World, framework: Framework): Promise<INestApplication> {
  @Module({ imports: [world.auth()], controllers: [PlayerController, StreamController] })
  class AppModule {}
  const adapter = framework === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = world.add(await NestFactory.create(AppModule, adapter, { logger: false, forceCloseConnections: true }));
  await app.listen(0, '127.0.0.1');
  return app;
}

interface Answer {
  readonly errorCode?: string;
  readonly userId?: string;
}

export async function httpDoor(world: World, framework: Framework): Promise<Door> {
  const app = await start(world, framework);
  return {
    ask: async (handler: Handler, credential: Credential): Promise<Reply> => {
      const reply = await send(`http://127.0.0.1:${portOf(app)}/${handler}`, credential);
      const { errorCode, userId = 'anonymous' } = (await reply.json()) as Answer;
      return { outcome: errorCode ?? userId, code: String(reply.status) };
    },
    close: async () => await app.close(),
  };
}

/** A stream of server-sent events: the first event of an admitted caller, or the refusal of the request. */
export async function streamDoor(world: World, framework: Framework): Promise<Door> {
  const app = await start(world, framework);
  return {
    ask: async (handler: Handler, credential: Credential): Promise<Reply> => {
      const reply = await send(`http://127.0.0.1:${portOf(app)}/stream/${handler}`, credential);
      const text = await reply.text();
      const event = /^data: (.+)$/m.exec(text)?.[1];
      const { errorCode, userId = 'anonymous' } = JSON.parse(event ?? text) as Answer;
      return { outcome: errorCode ?? userId, code: String(reply.status) };
    },
    close: async () => await app.close(),
  };
}
