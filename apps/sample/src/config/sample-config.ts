import type { EncryptionKey } from 'nestjs-nowgg-auth';

/** Where the app listens, and on which HTTP framework. */
export interface HttpConfig {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly platform: 'express' | 'fastify';
}

/** A PostgreSQL, real or embedded: the app does not know which. */
export interface DatabaseConfig {
  readonly url: string;
  readonly poolSize: number;
  /** Whether other processes may start on the same database at the same time, so that migrations have to queue. */
  readonly shared: boolean;
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
  /** The `aud` of access tokens, which have to be JWTs: so every route can tell whose they are. */
  readonly audience: string;
  /** What access tokens and id_tokens are signed with. */
  readonly algorithm: string;
  /** `prompt` of the authorization request; undefined: what the provider thinks best. */
  readonly prompt: string | undefined;
}

/** Everything that the app runs on, complete. */
export interface SampleConfigValues {
  readonly http: HttpConfig;
  /** The origin that browsers know the app by, such as `https://game.example.com`. */
  readonly publicUrl: string;
  readonly database: DatabaseConfig;
  readonly nowgg: NowggClientConfig;
  /** Undefined: there are now.gg players only. */
  readonly web: WebSignInConfig | undefined;
  /** The first key seals the players' tokens, all of them open. */
  readonly encryptionKeys: readonly EncryptionKey[];
  /** How often profiles of offline players are brought up to date, milliseconds; 0: never. */
  readonly profileSyncIntervalMs: number;
  /** How many sign-ins, refreshes and sign-outs one address may ask for in a minute, of each; 0: any number. */
  readonly signInsPerMinute: number;
}

/** {@link SampleConfigValues}, injectable; nothing else in the app reads the environment. */
export class SampleConfig implements SampleConfigValues {
  readonly http: HttpConfig;
  readonly publicUrl: string;
  readonly database: DatabaseConfig;
  readonly nowgg: NowggClientConfig;
  readonly web: WebSignInConfig | undefined;
  readonly encryptionKeys: readonly EncryptionKey[];
  readonly profileSyncIntervalMs: number;
  readonly signInsPerMinute: number;

  constructor(values: SampleConfigValues) {
    this.http = values.http;
    this.publicUrl = values.publicUrl;
    this.database = values.database;
    this.nowgg = values.nowgg;
    this.web = values.web;
    this.encryptionKeys = values.encryptionKeys;
    this.profileSyncIntervalMs = values.profileSyncIntervalMs;
    this.signInsPerMinute = values.signInsPerMinute;
  }
}
