import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BeforeApplicationShutdown, OnApplicationBootstrap, OnModuleInit } from '@nestjs/common';
import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { doGuardsReachGateways } from '../audit/audited-application.js';
import type { NowggClock } from '../clock.js';
import type { HeldConnections } from '../connections/held-connections.js';
import { errorOfRefusal, IdentityUnavailableError, type NowggAuthError, NowggConfigurationError } from '../errors.js';
import { requestSource } from '../http/credential.js';
import type { RoutePolicy } from '../http/policy/policy.js';
import type { CallCredential } from '../http/transport.js';
import type { ResolvedNowggAuthOptions } from '../options/options.js';
import type { NowggPrincipal } from '../principal.js';
import type { AuthenticationContext, Verdict } from '../verification/decision/verdict.js';
import type { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import type { Door } from './door.js';
import { isAboutToken } from './end-of-socket.js';
import { Gateways, type ServerPlace } from './gateways.js';
import { type HandshakeOutcome, judgeHandshake } from './handshake-judge.js';
import { IoDoor, type IoServer } from './io-door.js';
import type { ResolvedWebSocketsOptions } from './options.js';
import { PendingHandshakes } from './pending-handshakes.js';
import { reauthenticate, type ReauthenticationAnswer } from './reauthentication.js';
import type { SocketConnection, SocketWatcher } from './socket-connection.js';
import { takeCredential } from './socket-credential.js';
import { isWrapped, wrapAdapter, type WebSocketAdapterLike } from './wrapped-adapter.js';
import { closeGoingAway, WsDoor, type WsServer } from './ws-door.js';
import type { WsSocket } from './ws-socket.js';

/** Time for the close frames of clients at the end of the process, in milliseconds. */
const GOODBYE_MS = 1_000;

interface SocketDoorParts {
  readonly settings: SocketSettings;
  readonly modules: ModulesContainer;
  readonly config: ApplicationConfig;
  readonly authenticator: NowggAuthenticator;
  readonly resolved: ResolvedNowggAuthOptions;
  readonly clock: NowggClock;
  readonly connections: HeldConnections;
}

/** What `websockets()` shares with its providers. */
export interface SocketSettings {
  readonly options: ResolvedWebSocketsOptions;
  /** The connections of all sockets that were admitted. */
  readonly clients: WeakMap<object, SocketConnection>;
}

/** Applications whose adapter is wrapped by a door. */
const served = new WeakSet<ApplicationConfig>();

/**
 * Authenticates the handshakes of an application's gateways, and ends its sockets. Wraps every adapter that the
 * application uses, from the moment at which it is set.
 */
export class SocketDoor
  implements Door, SocketWatcher, OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown
{
  readonly pending: PendingHandshakes;
  readonly held: PendingHandshakes;
  readonly #parts: SocketDoorParts;
  readonly #guarded = new WeakSet<object>();
  /** The admitted clients that have not closed. */
  readonly #open = new Set<object>();
  /** The accepted clients of ws that are not admitted yet. */
  readonly #waiting = new Set<WsSocket>();
  #gateways: Gateways | undefined;
  #isServing = false;

  constructor(parts: SocketDoorParts) {
    this.#parts = parts;
    this.pending = new PendingHandshakes(parts.clock, parts.settings.options);
    this.held = new PendingHandshakes(parts.clock, parts.settings.options);
    const { config } = parts;
    if (served.has(config)) {
      throw new NowggConfigurationError('websockets(): only one NowggAuthModule of an application can serve gateways');
    }
    served.add(config);
    const set = config.setIoAdapter.bind(config);
    config.setIoAdapter = (adapter) => set(this.wrap(adapter));
  }

  get options(): ResolvedWebSocketsOptions {
    return this.#parts.settings.options;
  }

  get realm(): string {
    return this.#parts.resolved.realm;
  }

  /** The gateways of all modules; read when all are known. */
  get gateways(): Gateways {
    this.#gateways ??= new Gateways(this.#parts.modules);
    return this.#gateways;
  }

  /** @throws NowggConfigurationError when the handshakes of gateways would not be authenticated */
  onModuleInit(): void {
    const { config, modules } = this.#parts;
    const { gateways } = this;
    const faults: string[] = [];
    const adapter: unknown = config.getIoAdapter();
    if (gateways.size > 0 && adapter && !isWrapped(adapter)) {
      faults.push(
        'the WebSocket adapter of this application does not authenticate handshakes: write ' +
          'app.useWebSocketAdapter(nowggWebSockets(app, new YourAdapter(app)))',
      );
    }
    const unguarded = doGuardsReachGateways(config) ? [] : gateways.unguarded(modules, config);
    faults.push(
      ...unguarded.map(
        (name) =>
          `${name}: on Nest 11, global guards do not reach gateways: add @UseGuards(NowggAuthGuard) to the class`,
      ),
    );
    if (faults.length > 0) throw new NowggConfigurationError(faults.join('; '));
  }

  onApplicationBootstrap(): void {
    this.#isServing = true;
  }

  /** Ends the sockets before the application closes its servers, so that clients learn that it goes away. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isServing = false;
    const admitted = [...this.#open].filter((client) => this.find(client)?.kind === 'ws') as WsSocket[];
    const sockets = [...admitted, ...this.#waiting];
    if (sockets.length === 0) return;
    const left = sockets.map(
      async (socket) =>
        new Promise<void>((resolve) => {
          socket.on('close', () => resolve());
          closeGoingAway(socket);
        }),
    );
    const waited = new AbortController();
    const longEnough = this.#parts.clock.wait(GOODBYE_MS, waited.signal).catch(() => undefined);
    await Promise.race([Promise.all(left), longEnough]);
    waited.abort();
  }

  /** The adapter, with authenticated handshakes. One that is wrapped already is returned as it is. */
  wrap<Adapter extends WebSocketAdapterLike>(adapter: Adapter): Adapter {
    return isWrapped(adapter) ? adapter : wrapAdapter(adapter, this);
  }

  guardServer(server: unknown, place: ServerPlace): void {
    if (isIoServer(server)) this.#once(server, () => new IoDoor(this, server, place));
    else if (isWsServer(server)) this.#once(server, () => new WsDoor(this, server, place));
    else if (isNamespace(server)) this.guardServer(server.server, place);
    else {
      throw new NowggConfigurationError(
        'websockets(): the adapter of this application creates neither a server of socket.io nor one of ws',
      );
    }
  }

  notServing(): NowggAuthError | undefined {
    return this.#isServing ? undefined : new IdentityUnavailableError();
  }

  obstacle(): NowggAuthError | undefined {
    return this.notServing() ?? (this.pending.isFull ? new IdentityUnavailableError() : undefined);
  }

  sourceOf(request: object): string | undefined {
    return requestSource(request, this.#parts.resolved.verification);
  }

  takeCredential(request: IncomingMessage): CallCredential {
    const { queryParameter } = this.options;
    return takeCredential(request, { queryParameter, ...this.#parts.resolved.credentials });
  }

  async judge(
    policy: RoutePolicy,
    credential: CallCredential,
    context: AuthenticationContext,
  ): Promise<HandshakeOutcome> {
    return judgeHandshake(this.#parts.authenticator, policy, credential, context);
  }

  find(client: object): SocketConnection | undefined {
    return this.#parts.settings.clients.get(client);
  }

  prepare(client: object, connection: SocketConnection): void {
    this.#parts.settings.clients.set(client, connection);
  }

  closeAtShutdown(client: WsSocket): () => void {
    this.#waiting.add(client);
    return () => void this.#waiting.delete(client);
  }

  remember(client: object, connection: SocketConnection): void {
    this.prepare(client, connection);
    this.#open.add(client);
    connection.watcher = this;
    connection.isOpen = true;
    if (connection.principal) this.#know(connection, connection.principal);
  }

  forget(client: object, connection: SocketConnection): void {
    // The caller stays, for handleDisconnect, as long as the application keeps the client; the token does not.
    connection.credential = { outcome: 'none' };
    this.#open.delete(client);
    connection.isOpen = false;
    this.#parts.connections.remove(connection);
  }

  async reauthenticate(connection: SocketConnection, message: unknown): Promise<ReauthenticationAnswer> {
    return reauthenticate(this.#parts.authenticator, connection, message, (principal) =>
      this.#know(connection, principal),
    );
  }

  #once(server: object, guard: () => unknown): void {
    if (this.#guarded.has(server)) return;
    this.#guarded.add(server);
    guard();
  }

  #know(connection: SocketConnection, principal: NowggPrincipal): void {
    const { credential } = connection;
    if (credential.outcome !== 'held' || connection.isEnded || !connection.isOpen) return;
    connection.know(principal);
    this.#parts.connections.set(connection, { held: credential.held, principal });
  }

  onVerdict(connection: SocketConnection, verdict: Verdict): void {
    if (verdict.status === 'valid') {
      if (verdict.principal !== connection.principal) this.#know(connection, verdict.principal);
    } else if (verdict.status === 'invalid' && connection.principal && isAboutToken(verdict.reason)) {
      void this.#endIfRefused(connection);
    }
  }

  /** Ends a connection whose token is refused itself, and not only by the requirements of one handler. */
  async #endIfRefused(connection: SocketConnection): Promise<void> {
    const { credential } = connection;
    if (credential.outcome !== 'held' || connection.isInDoubt) return;
    connection.isInDoubt = true;
    // The message is answered first.
    await nextTurn();
    const verdict = await this.#parts.authenticator.authenticateHeld(credential.held, undefined, connection);
    connection.isInDoubt = false;
    if (verdict.status !== 'invalid' || connection.credential !== credential) return;
    this.#parts.connections.remove(connection);
    connection.end(errorOfRefusal(verdict));
  }
}

function isIoServer(server: unknown): server is IoServer {
  return hasMethod(server, 'of') && hasMethod(server, 'connectTimeout');
}

function isWsServer(server: unknown): server is WsServer {
  return hasMethod(server, 'handleUpgrade') && hasMethod(server, 'shouldHandle');
}

function isNamespace(server: unknown): server is { readonly server: unknown } {
  return hasMethod(server, 'use') && isIoServer((server as { server?: unknown }).server);
}

function hasMethod(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[name] === 'function';
}
