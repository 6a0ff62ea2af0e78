import type { ServerResponse } from 'node:http';
import { sendJson } from '../http/send.js';

/** Time between two looks at the state for a watcher, in milliseconds; too short for a person to notice. */
const lookEveryMs = 150;

/** Number of looks without a change after which a comment is sent, which finds dead connections. */
const quietLooks = 100;

/**
 * Sends the state as Server-Sent Events: all of it at the start and after each change, at most once per look, so that
 * any number of changes costs a watcher one message. A watcher that does not read gets the next state when it reads
 * again.
 */
export class EventStreams {
  static readonly limit = 16;
  #open = 0;

  /** @param readState returns one line of text; the same text means that nothing has changed */
  constructor(private readonly readState: () => string) {}

  open(response: ServerResponse): void {
    if (this.#open >= EventStreams.limit) return sendJson(response, 503, { error: 'too many watchers' });
    this.#open += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    response.write('retry: 500\n\n');
    const timer = setInterval(this.#watcher(response), lookEveryMs);
    timer.unref();
    response.once('close', () => {
      clearInterval(timer);
      this.#open -= 1;
    });
  }

  /** Sends the first state at once. */
  #watcher(response: ServerResponse): () => void {
    let sent = '';
    let quiet = 0;
    const look = () => {
      if (response.writableNeedDrain) return;
      const state = this.readState();
      quiet = state === sent ? quiet + 1 : 0;
      if (state !== sent) response.write(`data: ${state}\n\n`);
      else if (quiet % quietLooks === 0) response.write(':\n\n');
      sent = state;
    };
    look();
    return look;
  }
}
