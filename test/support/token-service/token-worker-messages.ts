import type { TokensOptions } from '../../../libs/nowgg-auth/src/options/options.js';
import type { AccessTokenOptions } from '../../../libs/nowgg-auth/src/tokens/nowgg-token-service.js';
import type { NowggSessionProof } from '../../../libs/nowgg-auth/src/tokens/session/presented-proof.js';
import type { RefreshTiming } from '../../../libs/nowgg-auth/src/tokens/calls/refresh-timing.js';

/** How a worker process is set up. */
export interface WorkerSettings {
  readonly databaseUrl: string;
  /** Address of the emulator. */
  readonly nowggUrl: string;
  /** Where the tables are, when not in the schema that the database looks into first. */
  readonly schema?: string;
  /** Its name in `pg_stat_activity`, and the `User-Agent` of its calls to now.gg. */
  readonly applicationName?: string;
  readonly refusalsAreFinal?: boolean;
  /** Default: the right one. */
  readonly clientSecret?: string;
  readonly durations?: Partial<TokensOptions>;
  readonly timing?: Partial<RefreshTiming>;
  /** How wrong its wall clock is, milliseconds. */
  readonly skewMs?: number;
  readonly applicationPoolSize?: number;
  readonly storePoolSize?: number;
}

export interface Order {
  readonly id: number;
  readonly op:
    | 'getAccessToken'
    | 'refresh'
    | 'exchangeCode'
    | 'openSession'
    | 'revoke'
    | 'rotate'
    | 'pauseAt'
    | 'resume'
    | 'outcomes'
    | 'useUpPool'
    | 'freePool'
    | 'close';
  readonly args: {
    readonly grantId?: string;
    readonly code?: string;
    /** Session handle. */
    readonly handle?: string;
    /** With `exchangeCode` and `openSession`: what the caller shows for its key. */
    readonly proof?: NowggSessionProof;
    readonly step?: string;
    readonly options?: Omit<AccessTokenOptions, 'signal'>;
    /** How many do it at once. */
    readonly callers?: number;
  };
}

/** What one caller got: a value, or the code of an error. */
export type Answer = { readonly value: unknown } | { readonly error: string };

export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'step'; readonly step: string }
  | { readonly kind: 'done'; readonly id: number; readonly results: readonly Answer[] };
