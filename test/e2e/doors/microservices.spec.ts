import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type ClientGrpc,
  type ClientProxy,
  ClientProxyFactory,
  EventPattern,
  GrpcMethod,
  MessagePattern,
  type MicroserviceOptions,
  type TcpClientOptions,
  type TcpOptions,
  Transport,
} from '@nestjs/microservices';
import { Metadata } from '@grpc/grpc-js';
import {
  NowggAuth,
  NowggAuthModule,
  NowggRevocationService,
  NowggUser,
  OptionalAuth,
  Public,
  RequireScopes,
} from 'nestjs-nowgg-auth';
import { microservices, type NowggMicroservicesOptions } from 'nestjs-nowgg-auth/microservices';
import { firstValueFrom, type Observable } from 'rxjs';
import { freePort } from '../../support/servers/free-port.js';
import { CALLERS, type Caller, DoorPlayers } from './door-players.js';

const events: (string | undefined)[] = [];

@Controller()
class ScoresController {
  @MessagePattern('best') best(@NowggUser('userId') userId: string, ..._more: unknown[]): unknown {
    return userId;
  }
  @MessagePattern('open') @Public() open(_data: unknown, ..._more: unknown[]): unknown {
    return 'open';
  }
  @MessagePattern('optional') @OptionalAuth() optional(
    @NowggUser('userId') userId?: string,
    ..._more: unknown[]
  ): unknown {
    return userId ?? 'anonymous';
  }
  @MessagePattern('scoped') @RequireScopes('no-such-scope') scoped(_data: unknown, ..._more: unknown[]): unknown {
    return 'never';
  }
  @MessagePattern('recent') @NowggAuth({ maxAuthAgeMs: 1_000 }) recent(_data: unknown, ..._more: unknown[]): unknown {
    return 'never';
  }
  @EventPattern('played') played(@NowggUser('userId') userId: string, ..._more: unknown[]): unknown {
    events.push(userId);
    return undefined;
  }
  @GrpcMethod('Scores', 'Best') grpcBest(@NowggUser('userId') userId: string, ..._more: unknown[]): unknown {
    return { text: userId };
  }
  @GrpcMethod('Scores', 'Open') @Public() grpcOpen(_data: unknown, ..._more: unknown[]): unknown {
    return { text: 'open' };
  }
}

const callers = Object.keys(CALLERS) as Caller[];
const opened: { close(): unknown }[] = [];

async function start(players: DoorPlayers, transport: MicroserviceOptions, options?: NowggMicroservicesOptions) {
  @Module({
    imports: [
      NowggAuthModule.forRoot({
        ...players.options,
        transports: [microservices(options)],
        globalGuard: true,
        strategyName: false,
        onUnprotected: 'fail',
      }),
    ],
    controllers: [ScoresController],
  })
  class AppModule {}
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, { ...transport, logger: ['error'] });
  await app.listen();
  opened.push(app);
  return app;
}

afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close();
  jest.restoreAllMocks();
});

describe('a microservice', () => {
  let players: DoorPlayers;
  let authorization: string | undefined;
  let logged: jest.SpiedFunction<Logger['error']>;
  beforeEach(async () => {
    logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    players = await DoorPlayers.start();
    authorization = undefined;
  });
  afterEach(() => players[Symbol.asyncDispose]());

  /** Asks over a connection that sends the credential of the moment in the metadata of each packet. */
  const clientOf = (transport: TcpOptions, send: 'metadata' | 'payload' = 'metadata') => {
    const client: ClientProxy = ClientProxyFactory.create(transport as TcpClientOptions);
    if (send === 'metadata') {
      client.setOnDispatchHook((packet) => {
        if (authorization !== undefined) packet.metadata = { authorization };
      });
    }
    opened.push(client);
    return {
      client,
      ask: async (pattern: string, data: unknown = {}): Promise<unknown> =>
        await firstValueFrom(client.send<unknown>(pattern, data)).catch((error: unknown) => ({ error })),
    };
  };
  const tcp = async () => {
    const options = { host: '127.0.0.1', port: await freePort() };
    return { transport: Transport.TCP, options } as const satisfies TcpOptions;
  };

  it('decides about each message over TCP', async () => {
    const transport = await tcp();
    const app = await start(players, transport);
    const { ask, client } = clientOf(transport);
    for (const caller of callers) {
      authorization = await players.authorization(caller, app);
      const answer = await ask('best');
      const code = CALLERS[caller];
      const refusal = { error: expect.objectContaining({ status: 'error', errorCode: code, statusCode: 401 }) };
      expect([caller, answer]).toEqual([caller, code === undefined ? 'player-1' : refusal]);
    }
    authorization = undefined;
    expect(await ask('open')).toBe('open');
    expect(await ask('optional')).toBe('anonymous');
    authorization = `Bearer ${players.token()}`;
    expect(await ask('optional')).toBe('player-1');
    expect(await ask('scoped')).toMatchObject({ error: { errorCode: 'insufficient_scope', statusCode: 403 } });
    expect(await ask('recent')).toMatchObject({
      error: { errorCode: 'insufficient_user_authentication', statusCode: 401, maxAgeSeconds: 1 },
    });
    client.emit('played', {});
    expect(await ask('best')).toBe('player-1');
    authorization = undefined;
    client.emit('played', {});
    expect(await ask('open')).toBe('open');
    expect(events.splice(0)).toEqual(['player-1']);
    authorization = `Bearer ${players.token()}`;
    await players.silence();
    expect(await ask('best')).toMatchObject({
      error: { errorCode: 'identity_unavailable', statusCode: 503, retryAfterSeconds: expect.any(Number) },
    });
    // Nest logs the failure of an event, which has no answer.
    expect(logged.mock.calls.map(([error]) => String(error))).toEqual(['Error: no bearer token was sent']);
  });

  it('takes no token from a payload, unless the application says where', async () => {
    const transport = await tcp();
    await start(players, transport);
    const data = { authorization: `Bearer ${players.token()}`, metadata: { authorization: 'Bearer x' } };
    expect(await clientOf(transport).ask('best', data)).toMatchObject({ error: { errorCode: 'missing_token' } });
    const other = await tcp();
    await start(players, other, {
      authorizationOf: (payload) => (payload as { authorization?: string }).authorization,
    });
    const { ask } = clientOf(other, 'payload');
    expect(await ask('best', data)).toBe('player-1');
    expect(await ask('best', { authorization: { toString: 'Bearer x' } })).toMatchObject({
      error: { errorCode: 'malformed_token' },
    });
  });

  it('refuses two spellings at once, and a credential that is not a text', async () => {
    const transport = await tcp();
    await start(players, transport);
    const { client, ask } = clientOf(transport, 'payload');
    let metadata: object = {};
    client.setOnDispatchHook((packet) => void (packet.metadata = metadata as Record<string, string>));
    const good = `Bearer ${players.token()}`;
    metadata = { authorization: good, Authorization: good };
    expect(await ask('best')).toMatchObject({ error: { errorCode: 'invalid_request', statusCode: 400 } });
    for (const authorization of [[good], { toString: good }, 7]) {
      metadata = { authorization };
      expect(await ask('best')).toMatchObject({ error: { errorCode: 'malformed_token' } });
    }
    metadata = JSON.parse(`{ "__proto__": { "authorization": "${good}" } }`) as object;
    expect(await ask('best')).toMatchObject({ error: { errorCode: 'missing_token' } });
  });

  it('decides about each call over gRPC, with its status codes', async () => {
    const url = `127.0.0.1:${await freePort()}`;
    const protoPath = path.join(import.meta.dirname, 'scores.proto');
    const transport = { transport: Transport.GRPC, options: { url, package: 'scores', protoPath } } as const;
    const app = await start(players, transport);
    const client = ClientProxyFactory.create(transport) as unknown as ClientGrpc & { close(): void };
    opened.push(client);
    const scores =
      client.getService<Record<'best' | 'open', (question: object, metadata: Metadata) => Observable<unknown>>>(
        'Scores',
      );
    const ask = async (method: 'best' | 'open', ...values: string[]): Promise<unknown> => {
      const metadata = new Metadata();
      for (const value of values) metadata.add('authorization', value);
      return await firstValueFrom(scores[method]({}, metadata)).catch((error: unknown) => {
        const { code, metadata: trailing } = error as { code: number; metadata: Metadata };
        return [code, ...trailing.get('nowgg-error-code')];
      });
    };
    for (const caller of callers) {
      const value = await players.authorization(caller, app);
      const code = CALLERS[caller];
      const answer = await ask('best', ...(value === undefined ? [] : [value]));
      expect(answer).toEqual(code === undefined ? { text: 'player-1' } : [16, code]);
    }
    expect(await ask('open')).toEqual({ text: 'open' });
    // Later than the sign-out of the loop.
    players.advance(10_000);
    const banned = `Bearer ${players.token('banned')}`;
    const [until, reason] = [new Date(players.clock.now() + 60_000), { code: 'cheating', text: 'Größer 🎯' }];
    await app.get(NowggRevocationService).revoke({ userId: 'banned' }, { until, reason });
    const metadata = new Metadata();
    metadata.add('authorization', banned);
    const error: unknown = await firstValueFrom(scores.best({}, metadata)).catch((refusal: unknown) => refusal);
    const { code, metadata: trailing } = error as { code: number; metadata: Metadata };
    expect([code, ...trailing.get('nowgg-error-code')]).toEqual([7, 'user_banned']);
    const [told] = trailing.get('nowgg-ban-bin');
    const explained = { reasonCode: 'cheating', text: 'Größer 🎯', until: until.toISOString() };
    expect(JSON.parse(told?.toString() as string)).toEqual(explained);
    const token = players.token();
    await players.silence();
    expect(await ask('best', `Bearer ${token}`)).toEqual([14, 'identity_unavailable']);
  });
});
