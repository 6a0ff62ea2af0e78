import type { EncryptionKey } from 'nestjs-nowgg-auth';

/** The address that the app listens on, and its HTTP framework. */
export interface HttpConfig {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly platform: 'express' | 'fastify';
}

/** A PostgreSQL database, real or embedded: the app does not know which. */
export interface DatabaseConfig {
  readonly url: string;
  readonly poolSize: number;
  /**
   * Whether other processes may start on the same database at the same time, so that migrations have to wait for each
   * other.
   */
  readonly shared: boolean;
  /** Time after which a query of the game fails, in milliseconds; 0: no limit. Migrations have no limit. */
  readonly queryTimeoutMs: number;
}

/** The studio's now.gg app. */
export interface NowggClientConfig {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly baseUrl: string;
}

/** The game's client at the OpenID provider of its web players. */
export interface WebSignInConfig {
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined: a public client. */
  readonly clientSecret: string | undefined;
  /** The `aud` of access tokens, which have to be JWTs, so that every route can tell whose they are. */
  readonly audience: string;
  /** Algorithm that access tokens and id_tokens are signed with. */
  readonly algorithm: string;
  /** `prompt` of the authorization request; undefined: the provider decides. */
  readonly prompt: string | undefined;
}

/** The complete configuration of the app. */
export interface SampleConfigValues {
  readonly http: HttpConfig;
  /** The origin at which browsers reach the app, such as `https://game.example.com`. */
  readonly publicUrl: string;
  readonly database: DatabaseConfig;
  /** Redis for verdicts that processes share; undefined: each process asks for itself. */
  readonly redisUrl: string | undefined;
  readonly nowgg: NowggClientConfig;
  /** Undefined: there are now.gg players only. */
  readonly web: WebSignInConfig | undefined;
  /** The first key encrypts the players' tokens; every key can decrypt. */
  readonly encryptionKeys: readonly EncryptionKey[];
  /** Time between two updates of offline players' profiles, in milliseconds; 0: never. */
  readonly profileSyncIntervalMs: number;
  /** Number of sign-ins, of refreshes and of sign-outs that one address may request per minute; 0: no limit. */
  readonly signInsPerMinute: number;
  /** Key of the studio's game servers; undefined: there are none, and nothing uses Passport. */
  readonly gameServerKey: string | undefined;
  /** Key of the collector of metrics; undefined: there is no route for it. */
  readonly metricsKey: string | undefined;
}

/** {@link SampleConfigValues}, injectable; nothing else in the app reads the environment. */
export class SampleConfig implements SampleConfigValues {
  readonly http: HttpConfig;
  readonly publicUrl: string;
  readonly database: DatabaseConfig;
  readonly redisUrl: string | undefined;
  readonly nowgg: NowggClientConfig;
  readonly web: WebSignInConfig | undefined;
  readonly encryptionKeys: readonly EncryptionKey[];
  readonly profileSyncIntervalMs: number;
  readonly signInsPerMinute: number;
  readonly gameServerKey: string | undefined;
  readonly metricsKey: string | undefined;

  constructor(values: SampleConfigValues) {
    this.http = values.http;
    this.publicUrl = values.publicUrl;
    this.database = values.database;
    this.redisUrl = values.redisUrl;
    this.nowgg = values.nowgg;
    this.web = values.web;
    this.encryptionKeys = values.encryptionKeys;
    this.profileSyncIntervalMs = values.profileSyncIntervalMs;
    this.signInsPerMinute = values.signInsPerMinute;
    this.gameServerKey = values.gameServerKey;
    this.metricsKey = values.metricsKey;
  }
}
