import { EventEmitter, on } from 'node:events';
import type { INestApplication, Type } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Field, GraphQLModule, ObjectType, Query, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  NowggAuth,
  NowggAuthModule,
  type NowggAuthModuleOptions,
  NowggUser,
  OptionalAuth,
  Public,
  RequireScopes,
} from 'nestjs-nowgg-auth';
import { graphql, NowggGraphqlConnections, nowggGraphqlWs, nowggMercurius } from 'nestjs-nowgg-auth/graphql';
import type { DoorPlayers } from './door-players.js';

export const drivers = ['apollo', 'mercurius'] as const;
export type Driver = (typeof drivers)[number];

@ObjectType()
class Player {
  @Field() userId!: string;
}

/** What the leaderboard publishes. */
export const leaderboard = new EventEmitter();

async function* changes() {
  for await (const [value] of on(leaderboard, 'change')) yield { changed: value as number };
}

async function* announcements() {
  for await (const [value] of on(leaderboard, 'change')) yield { announced: value as number };
}

@Resolver(() => Player)
class GameResolver {
  @Query(() => Player) me(@NowggUser('userId') userId: string): Player {
    return { userId };
  }
  @Query(() => String) @Public() open(): string {
    return 'open';
  }
  @Query(() => String) @OptionalAuth() optional(@NowggUser('userId') userId: string | undefined): string {
    return userId ?? 'anonymous';
  }
  @Query(() => String) @RequireScopes('no-such-scope') scoped(): string {
    return 'never';
  }
  @Query(() => String) @NowggAuth({ maxAgeMs: 0 }) fresh(): string {
    return 'fresh';
  }
  @Query(() => String) @NowggAuth({ maxAuthAgeMs: 1_000 }) recent(): string {
    return 'never';
  }
  @ResolveField(() => String) @RequireScopes('no-such-scope') secret(): string {
    return 'never';
  }
  @ResolveField(() => String) name(@NowggUser('userId') userId: string): string {
    return `name of ${userId}`;
  }
  @Subscription(() => Number) @Public() announced() {
    return announcements();
  }
  @Subscription(() => Number) changed() {
    return changes();
  }
}

export interface GraphqlGameOptions {
  /** Watches no connection. */
  readonly withoutHelper?: boolean;
  readonly allowAnonymous?: boolean;
  /** The application's own `onConnect`; receives what the client sent. */
  readonly onConnect?: (parameters: unknown) => boolean | undefined;
  readonly module?: Partial<NowggAuthModuleOptions>;
}

/** A GraphQL application on a free port, guarded at every door. */
export async function startGraphqlGame(
  driver: Driver,
  players: DoorPlayers,
  { withoutHelper = false, allowAnonymous = false, onConnect, module }: GraphqlGameOptions = {},
): Promise<INestApplication> {
  const shared = { autoSchemaFile: true, fieldResolverEnhancers: ['guards' as const] };
  const inject = [NowggGraphqlConnections];
  const apollo = (connections: NowggGraphqlConnections) =>
    nowggGraphqlWs(connections, {
      allowAnonymous,
      onConnect: (context: { connectionParams?: unknown }) => onConnect?.(context.connectionParams),
    });
  const mercurius = (connections: NowggGraphqlConnections) =>
    nowggMercurius(connections, {
      allowAnonymous,
      onConnect: (data: { payload?: unknown }) => onConnect?.(data.payload),
    });
  const game =
    driver === 'apollo'
      ? GraphQLModule.forRootAsync<ApolloDriverConfig>({
          driver: ApolloDriver,
          inject,
          useFactory: (connections: NowggGraphqlConnections) => ({
            ...shared,
            subscriptions: { 'graphql-ws': withoutHelper || apollo(connections) },
          }),
        })
      : GraphQLModule.forRootAsync<MercuriusDriverConfig>({
          driver: MercuriusDriver,
          inject,
          useFactory: (connections: NowggGraphqlConnections) => ({
            ...shared,
            subscription: withoutHelper || { fullWsTransport: true, ...mercurius(connections) },
          }),
        });
  @Module({
    imports: [
      NowggAuthModule.forRoot({
        ...players.options,
        transports: [graphql()],
        globalGuard: true,
        strategyName: false,
        onUnprotected: 'fail',
        ...module,
      }),
      game,
    ],
    providers: [GameResolver as Type],
  })
  class AppModule {}
  const adapter = driver === 'apollo' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create(AppModule, adapter as ExpressAdapter, { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  return app;
}
