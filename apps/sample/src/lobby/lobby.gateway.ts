import { Logger } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { nowggSocketUser } from 'nestjs-nowgg-auth/websockets';
import type { Socket } from 'socket.io';
import { describe } from '../http/describe-error.js';
import { PlayersService } from '../players/players.service.js';
import { LinesPerSecond } from './lines-per-second.js';

const longestLine = 200;

/** The answer to a line of the chat. */
export type LineAnswer =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: 'not_a_line' | 'too_many_lines' };

interface Guest {
  readonly name: string;
  readonly lines: LinesPerSecond;
}

/**
 * The players who have the page open, and what they say. The module authenticates each handshake before
 * `handleConnection`, each message before its handler, and ends the sockets of a banned player in every process; nothing
 * here has to know about that. Presence and chat are those of this process.
 */
@WebSocketGateway({ path: '/lobby', serveClient: false, maxHttpBufferSize: 4_096 })
export class LobbyGateway implements OnGatewayConnection<Socket>, OnGatewayDisconnect<Socket> {
  readonly #logger = new Logger(LobbyGateway.name);
  readonly #guests = new Map<Socket, Guest>();
  readonly #players: PlayersService;

  constructor(players: PlayersService) {
    this.#players = players;
  }

  /** Never rejects: Nest does not wait for it, and a rejection would end the process. */
  async handleConnection(client: Socket): Promise<void> {
    const caller = nowggSocketUser(client);
    if (!caller) return;
    try {
      // Not added here: `GET /me` asks now.gg for the name of a player whom it adds.
      const player = await this.#players.find(caller);
      // The player may have left while the database was asked.
      if (!client.connected) return;
      this.#guests.set(client, { name: player?.displayName ?? 'Player without a name', lines: new LinesPerSecond() });
      this.#tellPresence();
    } catch (error) {
      this.#logger.error(`A player could not join the lobby: ${describe(error)}`);
      // Not `disconnect()`, after which the client would not try again.
      client.conn.close();
    }
  }

  handleDisconnect(client: Socket): void {
    if (this.#guests.delete(client)) this.#tellPresence();
  }

  @SubscribeMessage('say')
  say(@ConnectedSocket() client: Socket, @MessageBody() message: unknown): LineAnswer {
    const text = typeof message === 'string' ? message.trim() : '';
    if (text === '' || text.length > longestLine) return { ok: false, reason: 'not_a_line' };
    const guest = this.#guests.get(client);
    if (!guest?.lines.take()) return { ok: false, reason: 'too_many_lines' };
    this.#tell('line', { name: guest.name, text });
    return { ok: true };
  }

  /** A player with the page open in two tabs is there once. */
  #tellPresence(): void {
    this.#tell('presence', { names: [...new Set([...this.#guests.values()].map(({ name }) => name))] });
  }

  #tell(event: string, data: object): void {
    for (const client of this.#guests.keys()) client.emit(event, data);
  }
}
