import type { Dispatcher } from 'undici';
import { EARLY_END, ExchangeError, type ExchangeProgress, GIVEN_UP, NOT_HTTP, OTHER_LENGTH } from './exchange-error.js';
import type { ConnectedRequest, RequestSocket } from './kept-connection.js';

/** A request as it goes over the wire. */
export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Whether to close the connection after the reply. */
  readonly closes: boolean;
}

/** A complete reply as it came over the wire. */
export interface WireReply {
  readonly statusCode: number;
  /** By lower-case name; a list where the peer repeated a header. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** Closes the connection. */
  readonly drop: () => void;
}

const FIRST_FINAL_STATUS = 200;
/** Replies that never have a body (RFC 9110). undici fails those that state the length of another reply. */
const WITHOUT_BODY = new Set([204, 304]);

/** Sends a request over one of the connections and reads the whole reply. @throws ExchangeError */
export function exchange(connections: Dispatcher, request: WireRequest, signal: AbortSignal): Promise<WireReply> {
  return new Promise((resolve, reject) => {
    const settle = { resolve, reject };
    const { method, path, headers, body, closes } = request;
    // Every option is set: none can be inherited from a polluted `Object.prototype`.
    const sent: ConnectedRequest = { ...NO_OPTIONS, method, path, headers, body, ...(closes && { reset: true }) };
    const running = new Exchange(sent, settle, signal);
    if (signal.aborted) return running.giveUp();
    signal.addEventListener('abort', running.giveUp);
    connections.dispatch(sent, running);
  });
}

// The types of undici want these as values, although it takes an absent one for its default.
const NO_OPTIONS: Omit<ConnectedRequest, 'method' | 'path'> = {
  query: undefined as never,
  idempotent: undefined as never,
  blocking: undefined as never,
  upgrade: null,
  headersTimeout: null,
  bodyTimeout: null,
  reset: undefined as never,
  expectContinue: false,
  typeOfService: undefined as never,
  connection: undefined as never,
};

interface Settle {
  readonly resolve: (reply: WireReply) => void;
  readonly reject: (error: ExchangeError) => void;
}

/** Collects one reply. Settles once: whatever arrives afterwards is dropped with its connection. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: ConnectedRequest;
  readonly #settle: Settle;
  readonly #signal: AbortSignal;
  #socket: RequestSocket | undefined;
  #progress: ExchangeProgress = 'waiting';
  #isOver = false;
  #statusCode = 0;
  #headers: WireReply['headers'] = {};
  readonly #chunks: Buffer[] = [];

  constructor(request: ConnectedRequest, settle: Settle, signal: AbortSignal) {
    this.#request = request;
    this.#settle = settle;
    this.#signal = signal;
  }

  /** Ends the exchange and its connection. A request that still waits is never sent. */
  readonly giveUp = (): void => {
    this.#fail(GIVEN_UP);
    // Not the controller's abort(): it opens another connection in place of the one that it closes.
    if (this.#progress === 'waiting') this.#request.connection?.stopConnecting();
    else this.#socket?.drop();
  };

  onRequestStart(): void {
    // Keeps the request from being sent, and the connection for the next one.
    if (this.#isOver) throw new Error('the request was given up');
    this.#socket = this.#request.connection?.use();
    this.#progress = 'sent';
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number, headers: WireReply['headers']): void {
    if (statusCode < FIRST_FINAL_STATUS) return;
    this.#progress = 'answered';
    this.#statusCode = statusCode;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (!this.#end()) return;
    const [first = Buffer.alloc(0), ...more] = this.#chunks;
    this.#settle.resolve({
      statusCode: this.#statusCode,
      headers: this.#headers,
      body: more.length === 0 ? first : Buffer.concat(this.#chunks),
      drop: () => this.#socket?.drop(),
    });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error & { readonly code?: unknown }): void {
    const code = codeOf(error);
    if (code === OTHER_LENGTH && WITHOUT_BODY.has(this.#statusCode)) return this.onResponseEnd();
    this.#fail(code);
  }

  #fail(code: string): void {
    if (this.#end()) this.#settle.reject(new ExchangeError(code, this.#progress, this.#socket?.isReused ?? false));
  }

  /** @returns whether it had not ended before */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#signal.removeEventListener('abort', this.giveUp);
    return true;
  }
}

function codeOf(error: Error & { readonly code?: unknown }): string {
  if (error.name === 'HTTPParserError') return error.message.includes('EOF') ? EARLY_END : NOT_HTTP;
  return typeof error.code === 'string' ? error.code : '';
}
