import type { FactoryProvider, INestApplicationContext } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { WsException } from '@nestjs/websockets';
import { NowggClock } from '../clock.js';
import { HeldConnections } from '../connections/held-connections.js';
import { NowggConfigurationError } from '../errors.js';
import type { NowggTransport } from '../http/transport.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import type { NowggPrincipal } from '../principal.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import { refusalOf } from './end-of-socket.js';
import { resolveWebSocketsOptions, type WebSocketsOptions } from './options.js';
import type { SocketConnection } from './socket-connection.js';
import { SocketDoor, type SocketSettings } from './socket-door.js';
import type { WebSocketAdapterLike } from './wrapped-adapter.js';

/** The connections of all sockets that were admitted. */
const connections = new WeakMap<object, SocketConnection>();

/**
 * The transport of gateways, on socket.io and ws. Handshakes are authenticated before `handleConnection`, by the policy
 * of the gateway's class; the guard decides each message anew; sockets close when their token expires and when their
 * player is banned or signed out.
 *
 * @throws NowggConfigurationError when an option is not valid
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { websockets } from 'nestjs-nowgg-auth/websockets';
 *
 * @Module({
 *   imports: [
 *     NowggAuthModule.forRoot({
 *       clientId: process.env.NOWGG_CLIENT_ID ?? '',
 *       clientSecret: process.env.NOWGG_CLIENT_SECRET ?? '',
 *       globalGuard: true,
 *       transports: [websockets()],
 *     }),
 *   ],
 * })
 * export class AppModule {}
 * ```
 */
export function websockets(options: WebSocketsOptions = {}): NowggTransport {
  const settings: SocketSettings = { options: resolveWebSocketsOptions(options), clients: connections };
  return {
    kind: 'ws',
    callOf: (context) => {
      const client = context.getArgByIndex<object>(0);
      const connection = settings.clients.get(client);
      if (!connection) return { memory: client, request: {}, credential: { outcome: 'none' } };
      const { credential, onVerdict } = connection;
      return { memory: client, request: {}, credential, beside: connection, onVerdict };
    },
    failureOf: (error) => new WsException(refusalOf(error)),
    providers: [doorProvider(settings)],
  };
}

/**
 * The adapter of an application, with authenticated handshakes. `websockets()` wraps every adapter that is given to
 * `app.useWebSocketAdapter`; call this for one that gets to Nest in another way, or to make it visible.
 *
 * @throws NowggConfigurationError when the module has no `transports: [websockets()]`
 *
 * @example
 * ```ts
 * import { NestFactory } from '@nestjs/core';
 * import { WsAdapter } from '@nestjs/platform-ws';
 * import { nowggWebSockets } from 'nestjs-nowgg-auth/websockets';
 *
 * export async function start(AppModule: new () => unknown) {
 *   const app = await NestFactory.create(AppModule);
 *   app.useWebSocketAdapter(nowggWebSockets(app, new WsAdapter(app)));
 *   await app.listen(3000);
 * }
 * ```
 */
export function nowggWebSockets<Adapter extends WebSocketAdapterLike>(
  app: INestApplicationContext,
  adapter: Adapter,
): Adapter {
  return doorOf(app).wrap(adapter);
}

/** What the code of the application finds in `socket.data` of socket.io. */
export interface NowggSocketData {
  /** The caller; undefined for an anonymous one. */
  user?: NowggPrincipal | undefined;
}

/**
 * The caller of a socket of socket.io or ws, for `handleConnection`, `handleDisconnect` and code outside of handlers;
 * undefined for an anonymous one. It may be banned since: handlers use `@NowggUser()`.
 *
 * @example
 * ```ts
 * import { type OnGatewayConnection, WebSocketGateway } from '@nestjs/websockets';
 * import { nowggSocketUser } from 'nestjs-nowgg-auth/websockets';
 *
 * @WebSocketGateway()
 * export class LobbyGateway implements OnGatewayConnection<object> {
 *   readonly players = new Set<string>();
 *
 *   handleConnection(client: object) {
 *     const player = nowggSocketUser(client);
 *     if (player) this.players.add(player.userId);
 *   }
 * }
 * ```
 */
export function nowggSocketUser(client: object): NowggPrincipal | undefined {
  return connections.get(client)?.principal;
}

function doorProvider(settings: SocketSettings): FactoryProvider {
  return {
    provide: SocketDoor,
    inject: [ModulesContainer, ApplicationConfig, NowggAuthenticator, RESOLVED_OPTIONS, NowggClock, HeldConnections],
    useFactory: (
      modules: ModulesContainer,
      config: ApplicationConfig,
      authenticator: NowggAuthenticator,
      resolved: ResolvedNowggAuthOptions,
      clock: NowggClock,
      held: HeldConnections,
    ) => new SocketDoor({ settings, modules, config, authenticator, resolved, clock, connections: held }),
  };
}

function doorOf(app: INestApplicationContext): SocketDoor {
  try {
    return app.get(SocketDoor, { strict: false });
  } catch {
    throw new NowggConfigurationError(
      'nowggWebSockets(): add websockets() to the option transports of NowggAuthModule',
    );
  }
}
