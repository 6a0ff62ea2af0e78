import type { IncomingMessage } from 'node:http';
import type { NowggAuthError } from '../errors.js';
import type { RoutePolicy } from '../http/policy/policy.js';
import type { CallCredential } from '../http/transport.js';
import type { AuthenticationContext } from '../verification/decision/verdict.js';
import type { Gateways, ServerPlace } from './gateways.js';
import type { HandshakeOutcome } from './handshake-judge.js';
import type { ResolvedWebSocketsOptions } from './options.js';
import type { PendingHandshakes } from './pending-handshakes.js';
import type { ReauthenticationAnswer } from './reauthentication.js';
import type { SocketConnection } from './socket-connection.js';
import type { WsSocket } from './ws-socket.js';

/** What the servers of an application share: policies, verdicts, limits and the connections of admitted clients. */
export interface Door {
  readonly options: ResolvedWebSocketsOptions;
  readonly realm: string;
  readonly gateways: Gateways;
  readonly pending: PendingHandshakes;
  /** Clients that were accepted and have not proved who they are; apart, so that they keep no others out. */
  readonly held: PendingHandshakes;
  /** Guards a server that an adapter has created. */
  guardServer(server: unknown, place: ServerPlace): void;
  /** The error for handshakes before the application is ready and after it was told to stop. */
  notServing(): NowggAuthError | undefined;
  /** The error for a handshake that cannot be judged now. */
  obstacle(): NowggAuthError | undefined;
  /** The source of a handshake, as the application names it. */
  sourceOf(request: object): string | undefined;
  /** Takes the credential out of the request of a handshake. */
  takeCredential(request: IncomingMessage): CallCredential;
  judge(policy: RoutePolicy, credential: CallCredential, context: AuthenticationContext): Promise<HandshakeOutcome>;
  find(client: object): SocketConnection | undefined;
  /** Keeps the connection of a client that will connect now. */
  prepare(client: object, connection: SocketConnection): void;
  /** Closes an accepted client at shutdown, until the returned function is called. */
  closeAtShutdown(client: WsSocket): () => void;
  /** Watches a connection from now on; it ends at once if its caller is banned already. */
  remember(client: object, connection: SocketConnection): void;
  forget(client: object, connection: SocketConnection): void;
  reauthenticate(connection: SocketConnection, message: unknown): Promise<ReauthenticationAnswer>;
}
