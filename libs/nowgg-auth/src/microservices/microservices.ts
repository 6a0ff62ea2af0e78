import type { ExecutionContext } from '@nestjs/common';
import type { NowggTransport } from '../http/transport.js';
import { credentialOf, readMessageCredential } from './message-credential.js';
import { failureOfMessage } from './message-failure.js';

/** Options of {@link microservices}. */
export interface NowggMicroservicesOptions {
  /**
   * Returns the credential of a message as `Bearer <token>`, or undefined. For transports without a place beside the
   * payload: TCP and Redis before Nest 12, or a transport of your own. Replaces the default, which reads no payload.
   */
  readonly authorizationOf?: (data: unknown, context: unknown) => string | undefined;
}

/**
 * Lets `NowggAuthGuard` decide about the messages of microservices, each anew. The credential is `authorization` in the
 * metadata of gRPC, of a TCP or Redis packet (from Nest 12 on), in the headers of NATS, Kafka and RabbitMQ, or in the user
 * properties of MQTT 5. A failure is an `RpcException` with an `errorCode`.
 *
 * @example
 * ```ts
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { microservices } from 'nestjs-nowgg-auth/microservices';
 *
 * export const auth = NowggAuthModule.forRoot({
 *   clientId: process.env.NOWGG_CLIENT_ID ?? '',
 *   transports: [microservices()],
 *   globalGuard: true,
 * });
 * ```
 */
export function microservices({ authorizationOf }: NowggMicroservicesOptions = {}): NowggTransport {
  const credential = (execution: ExecutionContext) => {
    const [data, context] = execution.getArgs<unknown[]>();
    return authorizationOf ? credentialOf(authorizationOf(data, context)) : readMessageCredential(execution);
  };
  return {
    kind: 'rpc',
    // Nest makes the context of each message anew.
    callOf: (execution) => ({
      memory: execution.getArgByIndex<object>(1),
      request: {},
      credential: credential(execution),
    }),
    failureOf: failureOfMessage,
  };
}
