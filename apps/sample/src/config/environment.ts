import type { EncryptionKey } from 'nestjs-nowgg-auth';
import type { DatabaseConfig, HttpConfig, NowggClientConfig, WebSignInConfig } from './sample-config.js';

/** The settings of the environment. Embedded services replace what it does not set. */
export interface Environment {
  readonly http: HttpConfig;
  /** Undefined: the address that the app listens on. */
  readonly publicUrl: string | undefined;
  /** Undefined: the embedded PostgreSQL. */
  readonly database: DatabaseConfig | undefined;
  /** Undefined: no Redis. */
  readonly redisUrl: string | undefined;
  /** Undefined: the emulator. */
  readonly nowgg: NowggClientConfig | undefined;
  /** Undefined: an embedded provider with the emulator; no web players with real now.gg. */
  readonly web: WebSignInConfig | undefined;
  /** Undefined: a key in the data directory, for players of the emulator only. */
  readonly encryptionKeys: readonly EncryptionKey[] | undefined;
  /** A directory, or `:memory:`. */
  readonly dataDirectory: string;
  /** Port of the emulator; undefined: the usual one if it is free. */
  readonly emulatorPort: number | undefined;
  /** Port of the embedded OpenID provider; undefined: the usual one if it is free. */
  readonly webSignInPort: number | undefined;
  readonly profileSyncIntervalMs: number;
  readonly signInsPerMinute: number;
  readonly gameServerKey: string | undefined;
  readonly metricsKey: string | undefined;
}

/** The environment cannot be used. The message names every fault, and no value. */
export class EnvironmentError extends Error {
  constructor(faults: readonly string[]) {
    super(`the environment needs a change:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'EnvironmentError';
  }
}

const howToMakeAKey =
  'set NOWGG_ENCRYPTION_KEYS to an id, a colon and 32 random bytes in base64, for example ' +
  'NOWGG_ENCRYPTION_KEYS="k1:$(openssl rand -base64 32)", and keep it: without it stored tokens cannot be decrypted';

/**
 * Reads the variables that the README lists. An empty variable counts as absent.
 * @throws EnvironmentError with all faults at once
 */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const faults: string[] = [];
  const text = (name: string) => variables[name]?.trim() || undefined;
  const whole = <T>(name: string, fallback: T, most: number, least = 0): number | T => {
    const value = text(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= least && number <= most) return number;
    faults.push(`${name} has to be a whole number from ${least} to ${most}`);
    return fallback;
  };

  const platform = text('PLATFORM') ?? 'express';
  if (platform !== 'express' && platform !== 'fastify') faults.push('PLATFORM has to be express or fastify');
  const http: HttpConfig = {
    host: text('HOST') ?? '127.0.0.1',
    port: whole('PORT', 3000, 65_535),
    platform: platform === 'fastify' ? 'fastify' : 'express',
  };

  const poolSize = whole('DATABASE_POOL_SIZE', 5, 1_000, 1);
  const url = text('DATABASE_URL');
  if (url !== undefined && !/^postgres(ql)?:\/\//.test(url)) faults.push('DATABASE_URL has to begin with postgres://');

  const queryTimeoutMs = whole('DATABASE_QUERY_TIMEOUT_MS', 10_000, 3_600_000);
  const redisUrl = text('REDIS_URL');
  if (redisUrl !== undefined && !/^(rediss?|unix):\/\//.test(redisUrl)) {
    faults.push('REDIS_URL has to begin with redis://, rediss:// or unix://');
  }

  const key = (name: string) => {
    const value = text(name);
    if (value !== undefined && !/^[\x21-\x7e]{32,256}$/.test(value)) {
      faults.push(`${name} has to be 32 to 256 characters of printable ASCII without spaces`);
    }
    return value;
  };
  const [gameServerKey, metricsKey] = [key('GAME_SERVER_API_KEY'), key('METRICS_KEY')];

  const publicUrl = text('PUBLIC_URL')?.replace(/\/$/, '');
  if (publicUrl !== undefined && !isOrigin(publicUrl)) {
    faults.push('PUBLIC_URL has to be an origin such as https://game.example.com, without a path');
  }
  const nowgg = readNowggClient(text, faults);
  const web = readWebSignIn(text, faults);
  const encryptionKeys = readKeys(text('NOWGG_ENCRYPTION_KEYS'), faults);
  if (nowgg && !encryptionKeys) faults.push(`tokens of real players are kept: ${howToMakeAKey}`);

  const environment: Environment = {
    http,
    publicUrl,
    database: url === undefined ? undefined : { url, poolSize, shared: true, queryTimeoutMs },
    redisUrl,
    nowgg,
    web,
    encryptionKeys,
    dataDirectory: text('NOWGG_SAMPLE_DATA_DIR') ?? '.data',
    emulatorPort: whole('NOWGG_EMULATOR_PORT', undefined, 65_535),
    webSignInPort: whole('OIDC_EMBEDDED_PORT', undefined, 65_535),
    profileSyncIntervalMs: whole('PROFILE_SYNC_INTERVAL_MS', 900_000, 86_400_000),
    signInsPerMinute: whole('SIGN_INS_PER_MINUTE', 60, 1_000_000),
    gameServerKey,
    metricsKey,
  };
  if (faults.length > 0) throw new EnvironmentError(faults);
  return environment;
}

function readNowggClient(text: (name: string) => string | undefined, faults: string[]): NowggClientConfig | undefined {
  const [clientId, clientSecret] = [text('NOWGG_CLIENT_ID'), text('NOWGG_CLIENT_SECRET')];
  const baseUrl = text('NOWGG_BASE_URL');
  if (clientId && clientSecret) return { clientId, clientSecret, baseUrl: baseUrl ?? 'https://now.gg' };
  if (clientId || clientSecret || baseUrl) {
    faults.push('NOWGG_CLIENT_ID and NOWGG_CLIENT_SECRET have to be set together, or neither to use the emulator');
  }
  return undefined;
}

function readWebSignIn(text: (name: string) => string | undefined, faults: string[]): WebSignInConfig | undefined {
  const [issuer, clientId, audience] = [text('OIDC_ISSUER'), text('OIDC_CLIENT_ID'), text('OIDC_AUDIENCE')];
  const clientSecret = text('OIDC_CLIENT_SECRET');
  if (issuer && clientId && audience) {
    return { issuer, clientId, clientSecret, audience, algorithm: 'RS256', prompt: undefined };
  }
  if (issuer || clientId || audience || clientSecret) {
    faults.push('OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_AUDIENCE have to be set together, or none of them');
  }
  return undefined;
}

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** Reads `id:base64` pairs, separated by commas; the first key encrypts. */
function readKeys(text: string | undefined, faults: string[]): EncryptionKey[] | undefined {
  if (text === undefined) return undefined;
  const keys: EncryptionKey[] = [];
  for (const pair of text.split(',')) {
    const [, id, key] = /^\s*([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]{43}=)\s*$/.exec(pair) ?? [];
    if (id !== undefined && key !== undefined) keys.push({ id, key });
  }
  if (keys.length === text.split(',').length) return keys;
  faults.push(`NOWGG_ENCRYPTION_KEYS cannot be read: ${howToMakeAKey}`);
  return keys;
}
