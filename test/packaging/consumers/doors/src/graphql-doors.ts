import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { createClient } from 'graphql-ws';
import { NowggUser, OptionalAuth, Public, RequireScopes } from 'nestjs-nowgg-auth';
import { graphql, NowggGraphqlConnections, nowggGraphqlWs, nowggMercurius } from 'nestjs-nowgg-auth/graphql';
import { WebSocket } from 'ws';
import { bearerOf, type Credential, type Door, type NotApplicable, type Reply } from './cases.js';
import { portOf, send } from './http-door.js';
import type { World } from './world.js';

export type Driver = 'apollo' | 'mercurius';

// An application would publish events; one each is enough to see who is admitted.
async function* once(field: string, userId = 'anonymous') {
  yield { [field]: userId };
}

@Resolver()
class PlayerResolver {
  @Query(() => String, { name: 'who' })
  who(@NowggUser('userId') userId: string): string {
    return userId;
  }

  @Query(() => String, { name: 'scoped' })
  @RequireScopes('no-such-scope')
  scoped(): string {
    return 'never';
  }

  @Query(() => String, { name: 'open' })
  @Public()
  open(@NowggUser('userId') userId?: string): string {
    return userId ?? 'anonymous';
  }

  @Query(() => String, { name: 'optional' })
  @OptionalAuth()
  optional(@NowggUser('userId') userId?: string): string {
    return userId ?? 'anonymous';
  }

  @Subscription(() => String, { name: 'who' })
  whoEvents(@NowggUser('userId') userId: string) {
    return once('who', userId);
  }

  @Subscription(() => String, { name: 'scoped' })
  @RequireScopes('no-such-scope')
  scopedEvents() {
    return once('scoped', 'never');
  }

  @Subscription(() => String, { name: 'open' })
  @Public()
  openEvents(@NowggUser('userId') userId?: string) {
    return once('open', userId);
  }

  @Subscription(() => String, { name: 'optional' })
  @OptionalAuth()
  optionalEvents(@NowggUser('userId') userId?: string) {
    return once('optional', userId);
  }
}

async function start(world: World, driver: Driver, allowAnonymous = false) {
  const inject = [NowggGraphqlConnections];
  const game =
    driver === 'apollo'
      ? GraphQLModule.forRootAsync<ApolloDriverConfig>({
          driver: ApolloDriver,
          inject,
          useFactory: (connections: NowggGraphqlConnections) => ({
            autoSchemaFile: true,
            subscriptions: { 'graphql-ws': nowggGraphqlWs(connections, { allowAnonymous }) },
          }),
        })
      : GraphQLModule.forRootAsync<MercuriusDriverConfig>({
          driver: MercuriusDriver,
          inject,
          useFactory: (connections: NowggGraphqlConnections) => ({
            autoSchemaFile: true,
            subscription: { fullWsTransport: true, ...nowggMercurius(connections, { allowAnonymous }) },
          }),
        });
  @Module({ imports: [world.auth({ transports: [graphql()] }), game], providers: [PlayerResolver] })
  class AppModule {}
  const adapter = driver === 'apollo' ? new ExpressAdapter() : new FastifyAdapter();
  const app = world.add(await NestFactory.create(AppModule, adapter, { logger: false, forceCloseConnections: true }));
  await app.listen(0, '127.0.0.1');
  return app;
}

interface Answer {
  readonly data?: Record<string, string> | null;
  readonly errors?: readonly { readonly extensions: { readonly errorCode: string; readonly code: string } }[];
}

export async function operationDoor(world: World, driver: Driver): Promise<Door> {
  const app = await start(world, driver);
  return {
    ask: async (handler, credential): Promise<Reply> => {
      const body = JSON.stringify({ query: `{ ${handler} }` });
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
      const reply = await send(`http://127.0.0.1:${portOf(app)}/graphql`, credential, init);
      const { data, errors } = (await reply.json()) as Answer;
      const refusal = errors?.[0]?.extensions;
      if (refusal) return { outcome: refusal.errorCode, code: `${reply.status} ${refusal.code}` };
      return { outcome: data?.[handler] ?? 'nothing', code: String(reply.status) };
    },
    close: async () => await app.close(),
  };
}

const ONE_TOKEN: NotApplicable = {
  reason: 'a connection whose token is refused is not opened, and without one there is no operation',
};

/** Connections need a token, except for the operations that need none: an application decides that for all of its own. */
export async function subscriptionDoor(world: World, driver: Driver): Promise<Door> {
  const closed = await start(world, driver);
  const anonymous = await start(world, driver, true);
  return {
    ask: async (handler, credential): Promise<Reply | NotApplicable> => {
      const needsToken = handler === 'who' || handler === 'scoped';
      const url = `ws://127.0.0.1:${portOf(needsToken ? closed : anonymous)}/graphql`;
      const reply = await subscribe(url, `subscription { ${handler} }`, credential);
      return handler === 'open' && reply.code.startsWith('close') ? ONE_TOKEN : reply;
    },
    close: async () => await Promise.all([closed.close(), anonymous.close()]),
  };
}

/** The first credential is in the parameters of the connection, the second in the header of its upgrade. */
async function subscribe(url: string, query: string, { second, ...one }: Credential): Promise<Reply> {
  const authorization = bearerOf(one);
  class Socket extends WebSocket {
    constructor(address: string, protocols?: string | string[]) {
      super(address, protocols, { headers: second === undefined ? {} : { authorization: `Bearer ${second}` } });
    }
  }
  const client = createClient({
    url,
    webSocketImpl: Socket,
    retryAttempts: 0,
    ...(authorization !== undefined && { connectionParams: { authorization } }),
  });
  try {
    for await (const { data, errors } of client.iterate<Record<string, string>>({ query })) {
      return errors ? refusalOf(errors) : { outcome: Object.values(data ?? {})[0] ?? 'nothing', code: 'next' };
    }
    throw new Error('the subscription ended without an event');
  } catch (error) {
    return refusalOf(error);
  } finally {
    await client.dispose();
  }
}

/** The errors of an operation, or the event of a connection that was closed. */
function refusalOf(failure: unknown): Reply {
  if (Array.isArray(failure)) {
    const [{ extensions }] = failure as unknown as NonNullable<Required<Answer>['errors']>;
    return { outcome: extensions.errorCode, code: `error ${extensions.code}` };
  }
  const { code, reason } = failure as { code?: number; reason?: string };
  if (code === undefined) throw failure;
  return { outcome: reason ?? '', code: `close ${code}` };
}
