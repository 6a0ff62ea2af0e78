import { createClient, RESP_TYPES } from 'redis';
import { NowggConfigurationError } from '../../errors.js';

/**
 * A client of the `redis` package, from `createClient`, `createCluster` or `createSentinel`, as a pattern: the shared
 * cache opens connections with its settings and never uses, connects or closes the client itself.
 */
export interface RedisClientPattern {
  // Each of the three kinds has different options; `never` accepts them all.
  duplicate(overrides?: never): object;
}

/** The Redis of the shared cache; `key` as in the options of `redisSharedCache()`. */
export type RedisSource =
  | RedisClientPattern
  | { readonly url: string; readonly key?: string | undefined }
  | { readonly client: RedisClientPattern; readonly key?: string | undefined };

/** The used part of a client. Only commands with a single key, so that it works on a cluster. */
export interface RedisClient {
  readonly isReady?: boolean;
  readonly isOpen: boolean;
  connect(): Promise<unknown>;
  destroy(): unknown;
  on(event: string, listener: (...details: unknown[]) => void): unknown;
  get(key: string): Promise<unknown>;
  pTTL(key: string): Promise<unknown>;
  set(key: string, value: string | Buffer, options: SetOptions): Promise<unknown>;
  del(key: string): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: (string | Buffer)[] }): Promise<unknown>;
  publish(channel: string, message: string): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
}

interface SetOptions {
  readonly expiration: { readonly type: 'PX'; readonly value: number };
}

/** Creates a client that is not connected yet. */
export type OpenClient = () => RedisClient;

const CONNECT_TIMEOUT_MS = 2_000;
/** A connection without data for this time is dead, because pings are more frequent. */
const SILENCE_MS = 4_000;
const PING_MS = 1_000;
const LONGEST_RECONNECT_PAUSE_MS = 1_000;
const MAX_QUEUED_COMMANDS = 10_000;
const URL_PROTOCOLS = ['redis:', 'rediss:', 'unix:'];

/** Makes commands return the stored bytes, regardless of the pattern's options. */
const commandOptions = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

/**
 * Creates the function that opens connections to a source.
 *
 * @throws NowggConfigurationError when the source is not valid
 */
export function clientOpener(source: RedisSource): OpenClient {
  if (isPattern(source)) return () => duplicate(source);
  const { client } = (source ?? {}) as { client?: unknown };
  if (isPattern(client)) return () => duplicate(client);
  const { url } = (source ?? {}) as { url?: unknown };
  if (typeof url !== 'string' || !URL.canParse(url) || !URL_PROTOCOLS.includes(new URL(url).protocol)) {
    throw new NowggConfigurationError('redisSharedCache needs a redis://, rediss:// or unix:// url, or a Redis client');
  }
  // RESP 2 is sufficient here, and every server and proxy supports it.
  return () => createClient({ url, RESP: 2, ...singleServerSettings() });
}

/** Whether the client sends commands at once, without waiting for a connection. */
export function isReady(client: RedisClient): boolean {
  return client.isReady ?? client.isOpen;
}

function isPattern(source: unknown): source is RedisClientPattern {
  return (
    typeof source === 'object' && source !== null && 'duplicate' in source && typeof source.duplicate === 'function'
  );
}

function duplicate(pattern: RedisClientPattern): RedisClient {
  const open = pattern.duplicate.bind(pattern) as unknown as (overrides: object) => object;
  const isSingleServer = 'options' in pattern && !('masters' in pattern) && !('getSentinelNode' in pattern);
  if (!isSingleServer) return open({ commandOptions }) as RedisClient;
  const { socket } = (pattern.options ?? {}) as { socket?: object };
  // A client-side cache would keep verdicts longer than their lifetime.
  return open({
    ...singleServerSettings(socket),
    clientSideCache: undefined,
    emitInvalidate: undefined,
  }) as RedisClient;
}

function singleServerSettings(socket: object = {}): object {
  return {
    commandOptions,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_QUEUED_COMMANDS,
    pingInterval: PING_MS,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...socket,
      socketTimeout: SILENCE_MS,
      reconnectStrategy: (retries: number) =>
        Math.min(50 * 2 ** Math.min(retries, 10), LONGEST_RECONNECT_PAUSE_MS) * (0.75 + Math.random() / 4),
    },
  };
}
