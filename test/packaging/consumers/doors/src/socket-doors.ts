import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type INestApplication, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { NowggUser, OptionalAuth, Public, RequireScopes } from 'nestjs-nowgg-auth';
import { nowggSocketUser, websockets } from 'nestjs-nowgg-auth/websockets';
import { io, type Socket } from 'socket.io-client';
import { type ClientOptions, WebSocket } from 'ws';
import type { Credential, Door, Handler, NotApplicable, Reply } from './cases.js';
import { portOf } from './http-door.js';
import { GuardedGateway, type World } from './world.js';

export type Kind = 'socket.io' | 'ws';

interface Answer {
  readonly userId?: string;
  readonly errorCode?: string;
  readonly statusCode?: number;
}

/** Tells a client who it is, as soon as it is admitted. */
abstract class WelcomingGateway implements OnGatewayConnection<object> {
  protected abstract readonly kind: Kind;

  handleConnection(client: object): void {
    const welcome = { userId: nowggSocketUser(client)?.userId };
    if (this.kind === 'ws') (client as WebSocket).send(JSON.stringify({ event: 'welcome', data: welcome }));
    else (client as Socket).emit('welcome', welcome);
  }
}

/** Each place is a namespace of socket.io and a path of ws. */
const placed = (kind: Kind, place: string) => (kind === 'ws' ? { path: `/${place}` } : { namespace: place });

function gatewaysOf(kind: Kind): Type[] {
  class Welcoming extends WelcomingGateway {
    protected readonly kind = kind;
  }

  @WebSocketGateway(placed(kind, 'who'))
  class WhoGateway extends Welcoming {}

  @WebSocketGateway(placed(kind, 'scoped'))
  @RequireScopes('no-such-scope')
  class ScopedGateway extends Welcoming {}

  @WebSocketGateway(placed(kind, 'open'))
  @Public()
  class OpenGateway extends Welcoming {}

  @WebSocketGateway(placed(kind, 'optional'))
  @OptionalAuth()
  class OptionalGateway extends Welcoming {}

  // The handshake is that of the most permissive gateway of a place: here, each message decides by itself.
  @WebSocketGateway(placed(kind, 'messages'))
  @Public()
  @GuardedGateway()
  class OpenMessagesGateway extends Welcoming {
    @SubscribeMessage('open')
    open(@NowggUser('userId') userId?: string) {
      return answer(userId);
    }
  }

  @WebSocketGateway(placed(kind, 'messages'))
  @GuardedGateway()
  class MessagesGateway {
    @SubscribeMessage('who')
    who(@NowggUser('userId') userId: string) {
      return answer(userId);
    }

    @SubscribeMessage('scoped')
    @RequireScopes('no-such-scope')
    scoped() {
      return answer('never');
    }

    @SubscribeMessage('optional')
    @OptionalAuth()
    optional(@NowggUser('userId') userId?: string) {
      return answer(userId);
    }
  }
  return [WhoGateway, ScopedGateway, OpenGateway, OptionalGateway, OpenMessagesGateway, MessagesGateway];
}

function answer(userId: string | undefined) {
  return { event: 'answer', data: { userId } };
}

async function start(world: World, kind: Kind, firstMessage = false): Promise<INestApplication> {
  @Module({ imports: [world.auth({ transports: [websockets({ firstMessage })] })], providers: gatewaysOf(kind) })
  class AppModule {}
  const app = world.add(await NestFactory.create(AppModule, { logger: false, forceCloseConnections: true }));
  app.useWebSocketAdapter(kind === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
  await app.listen(0, '127.0.0.1');
  return app;
}

/** The first credential is in `auth`, the second in the header. */
function connectIo(app: INestApplication, place: string, { token, second, isMalformed }: Credential): Socket {
  return io(`http://127.0.0.1:${portOf(app)}/${place}`, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    auth: isMalformed ? { token: 'two words' } : token === undefined ? {} : { token },
    ...(second !== undefined && { extraHeaders: { authorization: `Bearer ${second}` } }),
  });
}

/** @returns the end of the handshake */
async function handshakeOf(socket: Socket): Promise<Reply> {
  return await new Promise((resolve) => {
    socket.once('welcome', ({ userId = 'anonymous' }: Answer) => resolve({ outcome: userId, code: 'connect' }));
    socket.once('connect_error', (error: Error & { data?: Answer }) => {
      const { errorCode = error.message, statusCode } = error.data ?? {};
      resolve({ outcome: errorCode, code: `connect_error ${statusCode}` });
    });
  });
}

export async function ioHandshakeDoor(world: World): Promise<Door> {
  const app = await start(world, 'socket.io');
  return {
    ask: async (handler, credential) => {
      const socket = connectIo(app, handler, credential);
      const reply = await handshakeOf(socket);
      socket.close();
      return reply;
    },
    close: async () => await app.close(),
  };
}

export async function ioMessageDoor(world: World): Promise<Door> {
  const app = await start(world, 'socket.io');
  return {
    ask: async (handler, credential) => {
      const socket = connectIo(app, 'messages', credential);
      await handshakeOf(socket);
      const reply = await new Promise<Reply>((resolve) => {
        socket.once('answer', (data: Answer) => resolve(replyOf('answer', data)));
        socket.once('exception', (data: Answer) => resolve(replyOf('exception', data)));
        socket.emit(handler, {});
      });
      socket.close();
      return reply;
    },
    close: async () => await app.close(),
  };
}

function replyOf(event: string, { errorCode = 'none', statusCode, userId = 'anonymous' }: Answer): Reply {
  return event === 'exception'
    ? { outcome: errorCode, code: `exception ${statusCode}` }
    : { outcome: userId, code: event };
}

/** A client that sets the header, or a browser, which has subprotocols and an origin only. */
export type WsClientKind = 'client' | 'browser';

function offerOf(kind: WsClientKind, { token, second, isMalformed }: Credential): [string[], ClientOptions] {
  const subprotocol = (text: string) => `bearer.${text}`;
  if (kind === 'browser') {
    const tokens = isMalformed ? [''] : [token, second].filter((text) => text !== undefined);
    return [['nowgg.v1', ...tokens.map(subprotocol)], { origin: 'http://game.example' }];
  }
  const authorization = isMalformed ? 'Bearer two words' : token === undefined ? undefined : `Bearer ${token}`;
  const protocols = second === undefined ? [] : ['nowgg.v1', subprotocol(second)];
  return [protocols, authorization === undefined ? {} : { headers: { authorization } }];
}

function connectWs(app: INestApplication, place: string, kind: WsClientKind, credential: Credential): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${portOf(app)}/${place}`, ...offerOf(kind, credential));
}

/** What a client learns first: a message, a refused upgrade or the end of the socket. */
async function firstOf(socket: WebSocket): Promise<Reply> {
  const gone = new AbortController();
  const { signal } = gone;
  const message = once(socket, 'message', { signal }).then(([text]) => {
    const { event, data } = JSON.parse(String(text)) as { event: string; data: Answer };
    // Tells of a ban; the end follows.
    return event === 'nowgg:end' ? closed : replyOf(event, data);
  });
  const refused = once(socket, 'unexpected-response', { signal }).then(async ([, response]) => {
    const { statusCode } = response as IncomingMessage;
    const chunks = await (response as IncomingMessage).toArray();
    const { errorCode = 'nothing' } = JSON.parse(Buffer.concat(chunks as Buffer[]).toString()) as Answer;
    return { outcome: errorCode, code: `HTTP ${statusCode}` };
  });
  const closed = once(socket, 'close', { signal }).then(([code, reason]) => ({
    outcome: String(reason),
    code: `close ${String(code)}`,
  }));
  try {
    return await Promise.race([message, refused, closed]);
  } finally {
    for (const other of [message, refused, closed]) other.catch(() => undefined);
    gone.abort();
  }
}

function end(socket: WebSocket): void {
  socket.on('error', () => undefined);
  socket.terminate();
}

export async function wsHandshakeDoor(world: World, kind: WsClientKind): Promise<Door> {
  const app = await start(world, 'ws');
  return {
    ask: async (handler, credential) => {
      const socket = connectWs(app, handler, kind, credential);
      const reply = await firstOf(socket);
      end(socket);
      return reply.code === 'welcome' ? { ...reply, code: '101' } : reply;
    },
    close: async () => await app.close(),
  };
}

export async function wsMessageDoor(world: World): Promise<Door> {
  const app = await start(world, 'ws');
  return {
    ask: async (handler: Handler, credential): Promise<Reply | NotApplicable> => {
      const socket = connectWs(app, 'messages', 'client', credential);
      await firstOf(socket);
      socket.send(JSON.stringify({ event: handler, data: {} }));
      const reply = await firstOf(socket);
      end(socket);
      return reply;
    },
    close: async () => await app.close(),
  };
}

/** A client that learns its token late, and sends it in its first message. */
export async function wsFirstMessageDoor(world: World): Promise<Door> {
  const app = await start(world, 'ws', true);
  return {
    ask: async (handler, { token, second, isMalformed }): Promise<Reply | NotApplicable> => {
      if (second !== undefined) return { reason: 'a client with a token in its handshake is asked for no other' };
      if (handler === 'open' || handler === 'optional')
        return { reason: 'a client is admitted without a first message' };
      const socket = connectWs(app, handler, 'client', {});
      const outcome = outcomeOf(socket);
      await once(socket, 'open');
      const isSent = isMalformed || token !== undefined;
      const data = { token: isMalformed ? 'two words' : token };
      socket.send(JSON.stringify(isSent ? { event: 'nowgg:auth', data } : { event: 'who', data: {} }));
      const reply = await outcome;
      end(socket);
      return reply;
    },
    close: async () => await app.close(),
  };
}

/** The answer to the first message and the news of a ban are not yet the outcome. */
async function outcomeOf(socket: WebSocket): Promise<Reply> {
  return await new Promise((resolve) => {
    socket.on('message', (text) => {
      const { event, data } = JSON.parse((text as Buffer).toString()) as { event: string; data: Answer };
      if (!event.startsWith('nowgg:')) resolve(replyOf(event, data));
    });
    socket.once('close', (code, reason) => resolve({ outcome: String(reason), code: `close ${code}` }));
  });
}
