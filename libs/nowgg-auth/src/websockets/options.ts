import { faultsOf, isText, refuse, type Rules, TRUE_OR_FALSE, withoutAbsent, wholeNumber } from '../rules.js';

/** Options of `websockets()`. */
export interface WebSocketsOptions {
  /**
   * Name of a query parameter from which the token may also be read, for clients that can send it in no other way.
   * Query strings are often logged. Default: none is read.
   */
  queryParameter?: string;
  /**
   * Whether a client of ws that has no token in its handshake is accepted, and may send it in its first message,
   * `{ "event": "nowgg:auth", "data": { "token": "…" } }`. Until the verdict the application does not know the client;
   * it may send at most 16 KiB. Clients that wait count as handshakes, apart from those with a token. Default false.
   */
  firstMessage?: boolean;
  /**
   * Time for a handshake, from its request to its verdict, in milliseconds; then it is refused or closed. Default 5,000.
   */
  handshakeTimeoutMs?: number;
  /**
   * Maximum number of handshakes without a verdict in this process, and as many clients that have not sent their first
   * message; further ones are refused. Default 1,000.
   */
  maxPendingHandshakes?: number;
}

/** {@link WebSocketsOptions} with every value. */
export interface ResolvedWebSocketsOptions {
  readonly queryParameter: string | undefined;
  readonly firstMessage: boolean;
  readonly handshakeTimeoutMs: number;
  readonly maxPendingHandshakes: number;
}

const DEFAULTS: ResolvedWebSocketsOptions = {
  queryParameter: undefined,
  firstMessage: false,
  handshakeTimeoutMs: 5_000,
  maxPendingHandshakes: 1_000,
};

const RULES: Rules<keyof WebSocketsOptions> = {
  queryParameter: [isText, 'must be the name of a query parameter'],
  firstMessage: TRUE_OR_FALSE,
  handshakeTimeoutMs: [wholeNumber(100, 60_000), 'must be a whole number of milliseconds, 100 to 60,000'],
  maxPendingHandshakes: [wholeNumber(1, 1_000_000), 'must be a whole number, 1 to 1,000,000'],
};

/** @throws NowggConfigurationError that names every fault */
export function resolveWebSocketsOptions(options: WebSocketsOptions): ResolvedWebSocketsOptions {
  refuse(faultsOf(RULES, options), 'websockets: ');
  return Object.freeze({ ...DEFAULTS, ...withoutAbsent(options) });
}
