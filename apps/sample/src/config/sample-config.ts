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

/** Everything that the app runs on, complete. */
export interface SampleConfigValues {
  readonly http: HttpConfig;
  readonly database: DatabaseConfig;
  readonly nowgg: NowggClientConfig;
  /** The first key seals the players' tokens, all of them open. */
  readonly encryptionKeys: readonly EncryptionKey[];
  /** How often profiles of offline players are brought up to date, milliseconds; 0: never. */
  readonly profileSyncIntervalMs: number;
}

/** {@link SampleConfigValues}, injectable; nothing else in the app reads the environment. */
export class SampleConfig implements SampleConfigValues {
  readonly http: HttpConfig;
  readonly database: DatabaseConfig;
  readonly nowgg: NowggClientConfig;
  readonly encryptionKeys: readonly EncryptionKey[];
  readonly profileSyncIntervalMs: number;

  constructor(values: SampleConfigValues) {
    this.http = values.http;
    this.database = values.database;
    this.nowgg = values.nowgg;
    this.encryptionKeys = values.encryptionKeys;
    this.profileSyncIntervalMs = values.profileSyncIntervalMs;
  }
}
