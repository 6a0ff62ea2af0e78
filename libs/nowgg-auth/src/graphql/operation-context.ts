import type { ExecutionContext } from '@nestjs/common';
import { NowggConfigurationError } from '../errors.js';
import type { GuardedRequest } from '../http/transport.js';

/** The connection of a GraphQL operation that came over a WebSocket, as graphql-ws or Mercurius shows it. */
export interface OperationConnection {
  /** An object that lives as long as the connection. */
  readonly key: object;
  readonly upgrade: GuardedRequest | undefined;
  /** What the client sent to open the connection. */
  readonly parameters: unknown;
}

/** Where a GraphQL operation came from: a request, or a connection that outlives the operation. */
export interface Operation {
  /** The context of the operation, which every resolver receives. */
  readonly context: object;
  readonly request: GuardedRequest | undefined;
  readonly connection: OperationConnection | undefined;
  readonly isSubscription: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** The operation of a resolver, in the contexts that Apollo's and Mercurius' drivers of Nest make by default. */
export function operationOf(execution: ExecutionContext): Operation {
  const { context, isSubscription } = argumentsOf(execution);
  const connection = graphqlWsConnection(context) ?? mercuriusConnection(context);
  if (connection) return { context, connection, request: undefined, isSubscription };
  // Mercurius names the request of each operation itself; `req` may be one that an application shares by mistake.
  const request = fieldsOf(context.reply)?.request ?? context.req ?? context.request;
  if (!isRequest(request)) {
    throw new NowggConfigurationError(
      'graphql(): the context of the operation has no request: the option context of GraphQLModule must return { req }',
    );
  }
  return { context, request, connection: undefined, isSubscription };
}

/** The context stands before the description of the field: it is the second argument of `@ResolveReference()`. */
function argumentsOf(execution: ExecutionContext): { readonly context: Fields; readonly isSubscription: boolean } {
  const args = execution.getArgs<unknown[]>();
  const place = args.findLastIndex((argument) => fieldsOf(fieldsOf(argument)?.schema) !== undefined);
  const context = fieldsOf(args[place < 1 ? 2 : place - 1]);
  if (!context) throw new NowggConfigurationError('graphql(): the operation has no context object');
  const operation = fieldsOf(fieldsOf(args[place])?.operation);
  return { context, isSubscription: operation?.operation === 'subscription' };
}

function graphqlWsConnection(context: Fields): OperationConnection | undefined {
  for (const candidate of [context.req, context.request, context]) {
    const fields = fieldsOf(candidate);
    const extra = fieldsOf(fields?.extra);
    if (!fields || !extra || !fieldsOf(extra.socket)) continue;
    const upgrade = isRequest(extra.request) ? extra.request : undefined;
    return { key: extra.socket as object, upgrade, parameters: fields.connectionParams };
  }
  return undefined;
}

/** Mercurius copies the context of a connection for each of its operations, together with what the client sent first. */
function mercuriusConnection(context: Fields): OperationConnection | undefined {
  const { request } = context;
  if (!('_connectionInit' in context) || !isRequest(request)) return undefined;
  return { key: request, upgrade: request, parameters: context._connectionInit };
}

function isRequest(value: unknown): value is GuardedRequest {
  const request = fieldsOf(value);
  return request !== undefined && (fieldsOf(request.headers) ?? fieldsOf(fieldsOf(request.raw)?.headers)) !== undefined;
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
}
