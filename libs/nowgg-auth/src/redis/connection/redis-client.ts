import { createClient, RESP_TYPES } from 'redis';
import { NowggConfigurationError } from '../../errors.js';

/**
 * A client of the `redis` package, from `createClient`, `createCluster` or `createSentinel`. It serves as a pattern: the
 * shared cache opens connections like it and never uses, connects or closes the client itself.
 */
export interface RedisClientPattern {
  // Of the three kinds each has options of its own; `never` accepts them all.
  duplicate(overrides?: never): object;
}

/** Where the shared cache finds its Redis; `key` as in the options of `redisSharedCache()`. */
export type RedisSource =
  | RedisClientPattern
  | { readonly url: string; readonly key?: string | undefined }
  | { readonly client: RedisClientPattern; readonly key?: string | undefined };

/** What is used of a client. Only commands with a single key, so that it works on a cluster. */
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
  subscribe(channel: string, listener: () => void): Promise<unknown>;
}

interface SetOptions {
  readonly expiration: { readonly type: 'PX'; readonly value: number };
}

/** Opens a client that is not connected yet. */
export type OpenClient = () => RedisClient;

const CONNECT_TIMEOUT_MS = 2_000;
/** A connection that was silent for so long is dead, since it is pinged more often. */
const SILENCE_MS = 4_000;
const PING_MS = 1_000;
const LONGEST_RECONNECT_PAUSE_MS = 1_000;
const MAX_QUEUED_COMMANDS = 10_000;
const URL_PROTOCOLS = ['redis:', 'rediss:', 'unix:'];

/** How commands are answered: values as they were stored, whatever the pattern says. */
const commandOptions = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

/**
 * Finds out how to open connections.
 *
 * @throws NowggConfigurationError when the source is none
 */
export function clientOpener(source: RedisSource): OpenClient {
  if (isPattern(source)) return () => duplicate(source);
  const { client } = (source ?? {}) as { client?: unknown };
  if (isPattern(client)) return () => duplicate(client);
  const { url } = (source ?? {}) as { url?: unknown };
  if (typeof url !== 'string' || !URL.canParse(url) || !URL_PROTOCOLS.includes(new URL(url).protocol)) {
    throw new NowggConfigurationError('redisSharedCache needs a redis://, rediss:// or unix:// url, or a Redis client');
  }
  // RESP 2 says all that is needed here and is spoken by every server and proxy.
  return () => createClient({ url, RESP: 2, ...singleServerSettings() });
}

/** Whether commands would be sent now and not wait for a connection. */
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
  // A cache on the client's side would keep verdicts in the clear and longer than they live.
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
