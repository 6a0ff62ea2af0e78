import { NowggConfigurationError } from '../errors.js';
import type { GuardedRequest } from '../http/transport.js';
import type { NowggGraphqlConnections, OperationSocket } from './held-operations.js';

/** How connections without a credential are treated. */
export interface NowggConnectionOptions {
  /**
   * Whether a connection without a credential is opened, for operations with `@Public()` or `@OptionalAuth()`. Default
   * false: it is closed with 4401.
   */
  readonly allowAnonymous?: boolean;
}

/** The option that the module calls in place of the library. Apart from the others: they alone must be accepted too. */
interface OwnHook {
  readonly onConnect?: (...args: never[]) => unknown;
}

/** The parts of the context of graphql-ws that are used. */
interface GraphqlWsContext {
  readonly connectionParams?: unknown;
  readonly extra: { readonly socket: OperationSocket; readonly request: GuardedRequest };
}

/**
 * Options of `subscriptions: { 'graphql-ws': … }` of Nest's Apollo driver. Each connection is authenticated before it is
 * opened, by `authorization` in its `connectionParams` or the header of its upgrade; it is closed with 4403 when its token
 * expires, so that clients connect again with a new one, and with 4401 at a ban or a sign-out. Your own `onConnect` runs
 * after that and sees no token.
 *
 * @example
 * ```ts
 * import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
 * import { GraphQLModule } from '@nestjs/graphql';
 * import { NowggGraphqlConnections, nowggGraphqlWs } from 'nestjs-nowgg-auth/graphql';
 *
 * export const game = GraphQLModule.forRootAsync<ApolloDriverConfig>({
 *   driver: ApolloDriver,
 *   inject: [NowggGraphqlConnections],
 *   useFactory: (connections: NowggGraphqlConnections) => ({
 *     autoSchemaFile: true,
 *     subscriptions: { 'graphql-ws': nowggGraphqlWs(connections) },
 *   }),
 * });
 * ```
 */
export function nowggGraphqlWs<Options extends object>(
  connections: NowggGraphqlConnections,
  options: Options & NowggConnectionOptions & OwnHook = {} as Options,
): Omit<Options, 'allowAnonymous' | 'onConnect'> & {
  onConnect(context: object): Promise<boolean | Record<string, unknown>>;
} {
  const { allowAnonymous = false, onConnect, ...rest } = options;
  return {
    ...rest,
    onConnect: async (context) => {
      const { extra, connectionParams } = context as GraphqlWsContext;
      const { socket, request: upgrade } = extra;
      const opening = { key: socket, socket, upgrade, parameters: connectionParams };
      if (!(await connections.open(opening, allowAnonymous))) return false;
      return answerOf(await onConnect?.(context as never));
    },
  };
}

/** The parts of a connection of Mercurius that are used: it calls `onConnect` as its method. */
interface MercuriusConnection {
  readonly socket?: OperationSocket;
  readonly context?: { readonly request?: GuardedRequest };
}

/**
 * Options of `subscription` of Nest's Mercurius driver: like {@link nowggGraphqlWs}. A refused client gets the message
 * `connection_error` of its protocol and the close code.
 *
 * @example
 * ```ts
 * import { GraphQLModule } from '@nestjs/graphql';
 * import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
 * import { NowggGraphqlConnections, nowggMercurius } from 'nestjs-nowgg-auth/graphql';
 *
 * export const game = GraphQLModule.forRootAsync<MercuriusDriverConfig>({
 *   driver: MercuriusDriver,
 *   inject: [NowggGraphqlConnections],
 *   useFactory: (connections: NowggGraphqlConnections) => ({
 *     autoSchemaFile: true,
 *     subscription: nowggMercurius(connections),
 *   }),
 * });
 * ```
 */
export function nowggMercurius<Options extends object>(
  connections: NowggGraphqlConnections,
  options: Options & NowggConnectionOptions & OwnHook = {} as Options,
): Omit<Options, 'allowAnonymous' | 'onConnect'> & {
  onConnect(data: object): Promise<boolean | Record<string, unknown>>;
} {
  const { allowAnonymous = false, onConnect, ...rest } = options;
  return {
    ...rest,
    async onConnect(this: unknown, data) {
      const { socket, context } = (this ?? {}) as MercuriusConnection;
      const upgrade = context?.request;
      if (!socket || !upgrade) {
        throw new NowggConfigurationError('nowggMercurius(): this version of Mercurius does not show its connection');
      }
      const opening = { key: upgrade, socket, upgrade, parameters: (data as { payload?: unknown }).payload };
      if (!(await connections.open(opening, allowAnonymous))) return false;
      const answer = answerOf(await onConnect?.call(this, data as never));
      return answer;
    },
  };
}

/** What the application's own `onConnect` answers; opens the connection when there is none, or it says nothing. */
function answerOf(answer: unknown): boolean | Record<string, unknown> {
  if (answer === undefined || answer === null) return true;
  return typeof answer === 'object' ? (answer as Record<string, unknown>) : answer !== false;
}
