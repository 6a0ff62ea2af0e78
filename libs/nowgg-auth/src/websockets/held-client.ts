import type { Duplex } from 'node:stream';
import { IdentityUnavailableError, InvalidRequestError, InvalidTokenError, type NowggAuthError } from '../errors.js';
import type { CallCredential } from '../http/transport.js';
import { REAUTHENTICATION_EVENT, tokenOf } from './reauthentication.js';
import { credentialOf } from './socket-credential.js';
import { OPEN, type WsSocket } from './ws-socket.js';

/** Bytes that a client may send before its verdict: the message with its token and messages behind that one. */
const MOST_BYTES = 16_384;

type Message = readonly [data: Buffer, isBinary: boolean];

/**
 * A client of ws that was accepted without a token, until its first message has brought one that is good. No other code
 * of the process knows it until then: what it sends behind its first message is kept, and delivered after the verdict.
 */
export class HeldClient {
  readonly #client: WsSocket;
  readonly #socket: Duplex;
  readonly #close: (error: NowggAuthError) => void;
  readonly #onCredential: (credential: CallCredential) => void;
  readonly #behind: Message[] = [];
  #bytes = 0;
  #hasSpoken = false;

  /**
   * @param close sends the reason and closes the client
   * @param onCredential receives the credential of the first message, once
   */
  constructor(
    client: WsSocket,
    socket: Duplex,
    close: (error: NowggAuthError) => void,
    onCredential: (credential: CallCredential) => void,
  ) {
    this.#client = client;
    this.#socket = socket;
    this.#close = close;
    this.#onCredential = onCredential;
    client.on('error', ignore);
    client.on('message', this.#onMessage);
    socket.on('data', this.#onData);
  }

  get isOpen(): boolean {
    return this.#client.readyState === OPEN;
  }

  refuse(error: NowggAuthError): void {
    if (!this.isOpen) return;
    this.#client.off('message', this.#onMessage);
    this.#behind.length = 0;
    this.#close(error);
  }

  /** Closes a client that has taken too long, or that the identity system has. */
  refuseLate(): void {
    this.refuse(this.#hasSpoken ? new IdentityUnavailableError() : new InvalidTokenError('missing_token'));
  }

  /**
   * Gives the client to the application, in one turn: then its messages.
   *
   * @param admit makes the client known to the application; all its listeners are there when it returns
   */
  release(admit: () => void): void {
    this.#socket.off('data', this.#onData);
    this.#client.off('message', this.#onMessage);
    admit();
    this.#client.off('error', ignore);
    for (const message of this.#behind.splice(0)) this.#client.emit('message', ...message);
  }

  /** Counts what comes in, so that a message which never ends is not kept either. */
  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length;
    if (this.#bytes <= MOST_BYTES) return;
    // It sends on although it was told to go.
    if (!this.isOpen) this.#client.terminate();
    else this.refuse(new InvalidRequestError('more bytes were sent before the verdict than are kept'));
  };

  readonly #onMessage = (data: Buffer, isBinary: boolean): void => {
    if (this.#hasSpoken) {
      this.#behind.push([data, isBinary]);
      return;
    }
    this.#hasSpoken = true;
    this.#onCredential(isBinary ? BINARY : credentialIn(data.toString()));
  };
}

const BINARY: CallCredential = {
  outcome: 'failed',
  error: new InvalidRequestError('the first message must be text'),
};

/** The credential of a first message. Another message brings none. */
function credentialIn(text: string): CallCredential {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { outcome: 'none' };
  }
  const isOurs =
    typeof message === 'object' &&
    message !== null &&
    Object.hasOwn(message, 'event') &&
    Object.hasOwn(message, 'data') &&
    (message as { event: unknown }).event === REAUTHENTICATION_EVENT;
  return isOurs ? credentialOf(tokenOf((message as { data: unknown }).data)) : { outcome: 'none' };
}

function ignore(): void {
  // The client closes after an error.
}
