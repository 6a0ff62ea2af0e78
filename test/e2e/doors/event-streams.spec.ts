import { once } from 'node:events';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  type MessageEvent,
  Module,
  type NestInterceptor,
  Req,
  Res,
  Sse,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  type AuthenticatedRequest,
  NowggAuthModule,
  type NowggAuthModuleOptions,
  NowggRevocationService,
  NowggUser,
  OptionalAuth,
  Public,
} from 'nestjs-nowgg-auth';
import { map, Observable } from 'rxjs';
import { closeApp } from '../../../apps/sample/src/http/close-app.js';
import { HeldConnections } from '../../../libs/nowgg-auth/src/connections/held-connections.js';
import { platforms } from '../../../libs/nowgg-auth/src/testing-support/guarded-app.js';
import { SharedRevocationStore } from '../../../libs/nowgg-auth/src/testing-support/shared-revocation-store.js';
import { until } from '../../client/support/facts.js';
import { CALLERS, type Caller, DoorPlayers } from './door-players.js';

const callers = Object.keys(CALLERS) as Caller[];

/** The open streams of the handlers, and what became of them. */
class Streams {
  readonly open = new Set<(text: string) => void>();
  opened = 0;
  /** Awaited by a guard that runs after ours. */
  beforeHandler: () => Promise<void> = async () => undefined;
  readonly raw: { readonly ended: AbortSignal; readonly response: ServerResponse }[] = [];

  stream(greeting: unknown): Observable<MessageEvent> {
    return new Observable((subscriber) => {
      this.opened += 1;
      subscriber.next({ data: { greeting } });
      const emit = (text: string) => subscriber.next({ data: text });
      this.open.add(emit);
      return () => this.open.delete(emit);
    });
  }
}
let streams: Streams;

class Wrapping implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(map((event: MessageEvent) => ({ data: { wrapped: event.data } })));
  }
}

class Holding implements CanActivate {
  async canActivate(): Promise<boolean> {
    await streams.beforeHandler();
    return true;
  }
}

@Controller()
class GameController {
  @Sse('news') news(@NowggUser('userId') userId: string): Observable<MessageEvent> {
    return streams.stream(userId);
  }
  @Sse('wrapped') @UseInterceptors(Wrapping) wrapped(@NowggUser('userId') userId: string): Observable<MessageEvent> {
    return streams.stream(userId);
  }
  @Sse('later') async later(@NowggUser('userId') userId: string): Promise<Observable<MessageEvent>> {
    await Promise.resolve();
    return streams.stream(userId);
  }
  @Sse('held') @UseGuards(Holding) held(@NowggUser('userId') userId: string): Observable<MessageEvent> {
    return streams.stream(userId);
  }
  @Sse('open') @Public() open(): Observable<MessageEvent> {
    return streams.stream(null);
  }
  @Sse('optional') @OptionalAuth() optional(@NowggUser('userId') userId?: string): Observable<MessageEvent> {
    return streams.stream(userId ?? null);
  }
  @Get('raw') raw(@Req() request: AuthenticatedRequest, @Res() reply: ServerResponse & { raw?: ServerResponse }): void {
    const response = reply.raw ?? reply;
    const { ended } = request.nowgg ?? {};
    if (ended === undefined) throw new Error('the request has no signal');
    streams.raw.push({ ended, response });
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write('first\n');
  }
  @Get('plain') plain(@Req() request: AuthenticatedRequest): unknown {
    return { userId: request.nowgg?.principal.userId, hasSignal: request.nowgg?.ended instanceof AbortSignal };
  }
}

/** A client of a stream that reads all that comes. */
class Client {
  text = '';
  private constructor(
    readonly response: IncomingMessage,
    readonly ended: Promise<unknown>,
  ) {
    response.setEncoding('utf8').on('data', (chunk: string) => (this.text += chunk));
  }

  static async open(url: string, authorization?: string): Promise<Client> {
    const outgoing = get(url, { agent: false, headers: { ...(authorization !== undefined && { authorization }) } });
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.on('error', () => undefined);
    return new Client(response, once(response, 'close'));
  }

  get events(): Record<string, unknown>[] {
    return this.text
      .trim()
      .split('\n\n')
      .map((event) => {
        const lines = event.trim().split('\n');
        const fields = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]);
        return Object.fromEntries(fields) as Record<string, unknown>;
      });
  }

  /** The last event, with its data read as JSON. */
  get last(): Record<string, unknown> {
    const { event, data } = this.events.at(-1) ?? {};
    return { event, data: JSON.parse(String(data)) as unknown };
  }
}

const endWith = (errorCode: string, message: string) => ({
  event: 'nowgg-end',
  data: { statusCode: 401, errorCode, message },
});
const REVOKED = endWith('revoked_token', 'the bearer token was revoked');
const EXPIRED = endWith('expired_token', 'the bearer token has expired');

describe.each(platforms)('server-sent events on %s', (platform) => {
  let players: DoorPlayers;
  const apps: INestApplication[] = [];
  const clients: Client[] = [];
  beforeEach(async () => {
    streams = new Streams();
    players = await DoorPlayers.start();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.response.destroy();
    for (const app of apps.splice(0)) await closeApp(app);
    await players[Symbol.asyncDispose]();
  });

  async function start(options: Partial<NowggAuthModuleOptions> = {}): Promise<INestApplication> {
    @Module({
      imports: [NowggAuthModule.forRoot({ ...players.options, globalGuard: true, strategyName: false, ...options })],
      controllers: [GameController],
    })
    class AppModule {}
    const adapter: AbstractHttpAdapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
    const app: INestApplication = await NestFactory.create(AppModule, adapter, { logger: false, abortOnError: false });
    apps.push(app);
    await app.listen(0, '127.0.0.1');
    return app;
  }

  async function open(app: INestApplication, path: string, authorization?: string): Promise<Client> {
    const client = await Client.open(`${await app.getUrl()}${path}`, authorization);
    clients.push(client);
    return client;
  }

  it.each(callers)('admit or refuse a caller with: %s', async (caller) => {
    const app = await start();
    const client = await open(app, '/news', await players.authorization(caller, app));
    const expected = CALLERS[caller];
    expect(client.response.statusCode).toBe(expected === undefined ? 200 : 401);
    await until(() => client.text !== '');
    expect(client.text).toContain(expected ?? 'player-1');
    expect(streams.opened).toBe(expected === undefined ? 1 : 0);
  });

  it.each(['/news', '/later'])('of %s end after a last event when the token expires', async (path) => {
    const client = await open(await start(), path, `Bearer ${players.token()}`);
    await until(() => client.text.includes('player-1'));
    for (const emit of streams.open) emit('before');
    await until(() => client.text.includes('before'));
    players.advance(601_000);
    await client.ended;
    expect(client.last).toEqual(EXPIRED);
    expect(streams.open.size).toBe(0);
  });

  it('end at a ban in another process, and those of other players do not', async () => {
    const store = new SharedRevocationStore();
    const wiring = { revocationStore: { inject: [], create: () => store } } as Partial<NowggAuthModuleOptions>;
    const [app, other] = [await start(wiring), await start(wiring)];
    const mine = await open(app, '/news', `Bearer ${players.token('banned')}`);
    const kept = await open(app, '/news', `Bearer ${players.token()}`);
    await until(() => streams.open.size === 2);
    await players.ban(other);
    await mine.ended;
    expect(mine.last).toEqual(REVOKED);
    expect(streams.open.size).toBe(1);
    for (const emit of streams.open) emit('still here');
    await until(() => kept.text.includes('still here'));
  });

  it('end at the sign-out of their own token, whatever other interceptors make of events', async () => {
    const app = await start();
    const token = players.token();
    const [signedOut, kept] = [
      await open(app, '/wrapped', `Bearer ${token}`),
      await open(app, '/wrapped', `Bearer ${players.token()}`),
    ];
    await until(() => streams.open.size === 2);
    await app.get(NowggRevocationService).revoke({ token });
    await signedOut.ended;
    expect(signedOut.events[0]).toMatchObject({ data: '{"wrapped":{"greeting":"player-1"}}' });
    expect(signedOut.last).toEqual(REVOKED);
    for (const emit of streams.open) emit('still here');
    await until(() => kept.text.includes('still here'));
  });

  it('begin with their end for a caller who is banned after the guard, and the handler does not run', async () => {
    const app = await start();
    streams.beforeHandler = async () => players.ban(app);
    const client = await open(app, '/held', `Bearer ${players.token('banned')}`);
    await client.ended;
    expect(client.response.statusCode).toBe(200);
    expect(client.last).toEqual(REVOKED);
    expect(streams.opened).toBe(0);
  });

  it('of anonymous callers stay open, and have no end', async () => {
    const app = await start();
    const [publicly, anonymous] = [await open(app, '/open'), await open(app, '/optional')];
    const mine = await open(app, '/optional', `Bearer ${players.token()}`);
    await until(() => streams.open.size === 3);
    players.advance(601_000);
    await mine.ended;
    expect(mine.last).toEqual(EXPIRED);
    for (const emit of streams.open) emit('still here');
    await until(() => publicly.text.includes('still here') && anonymous.text.includes('still here'));
  });

  it.each(['/news', '/raw'])(
    'of %s are watched while they are open, and forgotten when their client leaves',
    async (path) => {
      const app = await start();
      const connections = app.get(HeldConnections);
      const client = await open(app, path, `Bearer ${players.token()}`);
      await until(() => client.text !== '');
      expect(connections.size).toBe(1);
      client.response.destroy();
      await until(() => connections.size === 0);
      expect(streams.raw.map(({ ended }) => ended.aborted)).toEqual(path === '/raw' ? [false] : []);
    },
  );

  it('as raw streams are told by a signal, and never ended', async () => {
    const app = await start();
    const client = await open(app, '/raw', `Bearer ${players.token('banned')}`);
    await until(() => client.text === 'first\n');
    const [{ ended, response } = {}] = streams.raw;
    expect(ended?.aborted).toBe(false);
    await players.ban(app);
    await until(() => ended?.aborted === true);
    expect(ended?.reason).toMatchObject({ errorCode: 'revoked_token' });
    expect(response?.writableEnded).toBe(false);
    response?.end('the last words of the application\n');
    await client.ended;
    expect(client.text).toBe('first\nthe last words of the application\n');
  });

  it('and raw streams end at expiry too, each for its own reason', async () => {
    const client = await open(await start(), '/raw', `Bearer ${players.token()}`);
    await until(() => client.text === 'first\n');
    const { ended, response } = streams.raw[0] as (typeof streams.raw)[number];
    const isAborted = once(ended, 'abort');
    players.advance(601_000);
    await isAborted;
    expect(ended.reason).toMatchObject({ errorCode: 'expired_token' });
    response.end();
  });

  it('show the caller and the signal on every request', async () => {
    const client = await open(await start(), '/plain', `Bearer ${players.token()}`);
    await client.ended;
    expect(JSON.parse(client.text)).toEqual({ userId: 'player-1', hasSignal: true });
  });
});
