import { HeldConnections } from '../connections/held-connections.js';
import { NowggConfigurationError } from '../errors.js';
import type { GuardedRequest, NowggCall, NowggTransport } from '../http/transport.js';
import { readConnectionCredential } from './connection-credential.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import {
  HeldGraphqlConnections,
  type HeldOperationsByKey,
  NowggGraphqlConnections,
  onOperationVerdict,
} from './held-operations.js';
import { type Operation, type OperationConnection, operationOf } from './operation-context.js';
import { NowggOperationError } from './operation-failure.js';

/**
 * Lets `NowggAuthGuard` decide about GraphQL: queries, mutations and subscriptions, and fields where `GraphQLModule` has
 * `fieldResolverEnhancers: ['guards']`. With Apollo and with Mercurius.
 *
 * The credential is the `Authorization` header of the request; over a WebSocket it is `authorization` in the
 * `connectionParams`, or the header of the upgrade. A request is decided once per policy; over a WebSocket each operation
 * and each guarded field of an event of a subscription is decided anew. Subscriptions need `nowggGraphqlWs()` or
 * `nowggMercurius()`, which end them with their token.
 *
 * @example
 * ```ts
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { graphql } from 'nestjs-nowgg-auth/graphql';
 *
 * export const auth = NowggAuthModule.forRoot({
 *   clientId: process.env.NOWGG_CLIENT_ID ?? '',
 *   transports: [graphql()],
 *   globalGuard: true,
 * });
 * ```
 */
export function graphql(): NowggTransport {
  const requests = new WeakMap<object, GuardedRequest>();
  const connections: HeldOperationsByKey = new WeakMap();
  return {
    kind: 'graphql',
    callOf: (execution) => {
      const operation = operationOf(execution);
      return operation.connection
        ? callOfConnection(operation, operation.connection, connections)
        : callOfRequest(operation, requests);
    },
    failureOf: (error) => new NowggOperationError(error),
    providers: [
      {
        provide: NowggGraphqlConnections,
        useFactory: (
          authenticator: NowggAuthenticator,
          held: HeldConnections,
          options: ResolvedNowggAuthOptions,
        ): NowggGraphqlConnections =>
          new HeldGraphqlConnections(connections, { authenticator, connections: held, options }),
        inject: [NowggAuthenticator, HeldConnections, RESOLVED_OPTIONS],
      },
    ],
  };
}

function callOfConnection(
  { context, isSubscription }: Operation,
  { key, upgrade, parameters }: OperationConnection,
  connections: HeldOperationsByKey,
): NowggCall {
  const connection = connections.get(key);
  if (connection) {
    const { held, beside } = connection;
    return {
      memory: context,
      request: {},
      credential: { outcome: 'held', held },
      beside,
      onVerdict: (verdict) => onOperationVerdict(connection, verdict),
    };
  }
  const credential = readConnectionCredential(upgrade, parameters);
  if (isSubscription && credential.outcome === 'token') throw endlessSubscription();
  return { memory: context, request: {}, credential };
}

/** A subscription would outlive its token, and a ban, where nothing ends its connection. */
function endlessSubscription(): NowggConfigurationError {
  return new NowggConfigurationError(
    'graphql(): this connection is not watched, so that a subscription would outlive its token: configure the ' +
      'subscriptions of GraphQLModule with nowggGraphqlWs() or nowggMercurius()',
  );
}

function callOfRequest({ context, request }: Operation, requests: WeakMap<object, GuardedRequest>): NowggCall {
  if (!request) throw new NowggConfigurationError('graphql(): the operation has no request');
  const earlier = requests.get(context);
  if (earlier !== undefined && earlier !== request) {
    throw new NowggConfigurationError(
      'graphql(): several requests share one context object: the option context of GraphQLModule must be a function',
    );
  }
  requests.set(context, request);
  return { memory: context, request, isDecidedOnce: true };
}
