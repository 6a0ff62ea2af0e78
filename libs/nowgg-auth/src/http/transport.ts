import { type ExecutionContext, IntrinsicException, Logger, type Provider } from '@nestjs/common';
import { type NowggAuthError, NowggConfigurationError } from '../errors.js';
import type { AuthenticationContext, Verdict } from '../verification/decision/verdict.js';
import type { HeldToken } from '../verification/held-token.js';
import type { AuthenticatedRequest } from './authentication.js';
import type { Credential, CredentialSource } from './credential.js';

/** A request of Express, or Fastify's wrapper around Node's. */
export type GuardedRequest = AuthenticatedRequest & CredentialSource & { readonly raw?: CredentialSource };

/** The credential of a call: as a request has it, or as the connection of a message keeps it. */
export type CallCredential =
  | Credential
  | { readonly outcome: 'held'; readonly held: HeldToken }
  /** The application's own function could not read it. */
  | { readonly outcome: 'failed'; readonly error: NowggAuthError };

/** A refusal that is the answer of its transport as it is. `NowggAuthExceptionFilter` leaves it so. */
export class TransportFailure extends IntrinsicException {}

/** One call that the guard decides about: a message, an operation or a request of another kind than HTTP. */
export interface NowggCall {
  /**
   * One of the arguments of the handler, where `@NowggUser()` finds the decision: the client of a message, or the
   * context of an operation. Never a primitive value.
   */
  readonly memory: object;
  /** Receives the principal as `user`. The guard also reads the credential from it when there is no `credential`. */
  readonly request: GuardedRequest;
  /** Default: the `Authorization` header of `request`. */
  readonly credential?: CallCredential | undefined;
  /**
   * Whether a decision under the same policy in the same `memory` applies to this call too. Only for a memory that
   * lives as long as one operation; default false: each call is decided anew.
   */
  readonly isDecidedOnce?: boolean | undefined;
  /** Data of the call in addition to its token. Default: that of `request`. */
  readonly beside?: AuthenticationContext | undefined;
  /** Called with each verdict about the credential, before the guard decides by it. Must not throw. */
  onVerdict?(verdict: Verdict): void;
}

/**
 * How the guard serves one kind of execution context. A plain object, from a subpath of this package or from the
 * application; the option `transports` of the module names those in use.
 *
 * @example
 * ```ts
 * import { NowggAuthModule, type NowggTransport } from 'nestjs-nowgg-auth';
 *
 * const telegram: NowggTransport = {
 *   kind: 'telegram', // what context.getType() returns
 *   callOf: (context) => {
 *     const update = context.getArgByIndex<{ token: string }>(0);
 *     return { memory: update, request: {}, credential: { outcome: 'token', token: update.token } };
 *   },
 *   failureOf: (error) => new Error(error.errorCode),
 * };
 *
 * export const auth = NowggAuthModule.forRoot({ clientId: process.env.NOWGG_CLIENT_ID ?? '', transports: [telegram] });
 * ```
 */
export interface NowggTransport {
  /** The kind that `context.getType()` returns, such as `ws`. Not `http`. */
  readonly kind: string;
  /** Finds what the guard decides about. */
  callOf(context: ExecutionContext): NowggCall;
  /** The error that the guard throws instead, so that the client of this transport learns the `errorCode`. */
  failureOf(error: NowggAuthError, context: ExecutionContext): unknown;
  /** Providers that the module adds: parts of the transport that need other parts of the module. */
  readonly providers?: readonly Provider[];
}

const OWN_TRANSPORTS: ReadonlyMap<string, string> = new Map([
  ['ws', "websockets() of 'nestjs-nowgg-auth/websockets'"],
  ['graphql', "graphql() of 'nestjs-nowgg-auth/graphql'"],
  ['rpc', "microservices() of 'nestjs-nowgg-auth/microservices'"],
]);

/** The transports of one module: the DI token for guards that extend `NowggAuthGuard`. */
export class Transports {
  readonly #byKind: ReadonlyMap<string, NowggTransport>;
  readonly #logged = new Set<string>();

  constructor(transports: readonly NowggTransport[] = []) {
    this.#byKind = new Map(transports.map((transport) => [transport.kind, transport]));
  }

  find(kind: string): NowggTransport | undefined {
    return this.#byKind.get(kind);
  }

  /** The error for a kind without a transport. Logged once for each kind: Nest does not log it outside of HTTP. */
  unknownKind(kind: string): NowggConfigurationError {
    const transport = OWN_TRANSPORTS.get(kind);
    const remedy = transport
      ? `add ${transport} to the option transports of NowggAuthModule`
      : 'add a transport for it to the option transports of NowggAuthModule';
    const error = new NowggConfigurationError(
      `NowggAuthGuard does not know the kind of execution context "${kind}" and denies it: ${remedy}, ` +
        'or open the handler with @Public()',
    );
    if (!this.#logged.has(kind)) new Logger('NowggAuth').error(error.message);
    this.#logged.add(kind);
    return error;
  }
}
