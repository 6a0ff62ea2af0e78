import { once } from 'node:events';
import { WebSocket } from 'ws';
import { serve } from '../support/child-process.js';

/** The end of a socket as its client saw it. */
export interface SeenClose {
  readonly userId: string;
  /** In milliseconds of the epoch. */
  readonly atMs: number;
  readonly code: number;
  readonly reason: string;
}

/** A player who connects. */
export interface ConnectingPlayer {
  readonly userId: string;
  readonly token: string;
}

/** Handshakes under way at a time. */
const AT_ONCE = 50;

const sockets = new Set<WebSocket>();
const closes: SeenClose[] = [];

/** Opens a socket for each player, as a browser does. Resolves when all are open. */
async function connect(url: string, players: readonly ConnectingPlayer[]): Promise<void> {
  const left = players.values();
  const work = async () => {
    for (const { userId, token } of left) {
      const options = { origin: 'http://game.test', perMessageDeflate: false };
      const socket = new WebSocket(url, ['nowgg.v1', `bearer.${token}`], options);
      sockets.add(socket);
      socket.on('close', (code, reason) => {
        sockets.delete(socket);
        closes.push({ userId, atMs: Date.now(), code, reason: reason.toString() });
      });
      await once(socket, 'open');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** The sockets that were closed since the last call. */
const closed = (): SeenClose[] => closes.splice(0);
const open = (): number => sockets.size;

const operations = { connect, closed, open };
export type ClientsOperations = typeof operations;

serve(operations);
