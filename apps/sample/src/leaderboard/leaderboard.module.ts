import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { GraphQLError, parse } from 'graphql';
import { NowggGraphqlConnections, nowggGraphqlWs } from 'nestjs-nowgg-auth/graphql';
import { ScoresModule } from '../scores/scores.module.js';
import { LeaderboardResolver } from './leaderboard.resolver.js';
import { LiveBoards } from './live-boards.js';

/** Enough for each query of this schema. One that repeats a field thousands of times, each read from the database, is refused. */
const maxTokens = 100;

@Module({
  imports: [
    GraphQLModule.forRootAsync<ApolloDriverConfig>({
      driver: ApolloDriver,
      inject: [NowggGraphqlConnections],
      useFactory: (connections: NowggGraphqlConnections) => ({
        autoSchemaFile: true,
        // Apollo's page would load scripts from another site.
        playground: false,
        includeStacktraceInErrorResponses: false,
        parseOptions: { maxTokens },
        subscriptions: {
          'graphql-ws': nowggGraphqlWs(connections, {
            onSubscribe: (_context: object, _id: string, { query }: { readonly query: string }) => faultsOf(query),
          }),
        },
      }),
    }),
    ScoresModule,
  ],
  providers: [LeaderboardResolver, LiveBoards],
})
export class LeaderboardModule {}

/** Answers a query that cannot be read. Otherwise graphql-ws prints a stack for each one, and any client could fill the log. */
function faultsOf(query: string): readonly GraphQLError[] | undefined {
  try {
    parse(query, { maxTokens });
    return undefined;
  } catch (error) {
    if (error instanceof GraphQLError) return [error];
    throw error;
  }
}
