import type { VerificationOptions } from '../../../libs/nowgg-auth/src/options/options.js';

/** How a process that verifies tokens is set up. */
export interface VerificationSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly baseUrl: string;
  readonly verification?: VerificationOptions;
  readonly redisUrl?: string;
  /** Revocations are kept in this database; without one, in the process's memory. */
  readonly databaseUrl?: string;
  /** Whether the process hears of revocations by NOTIFY. */
  readonly notify?: boolean;
  /** Waits end only when the clock is stepped: no poll runs by itself. */
  readonly holdWaits?: boolean;
}

/** A part of the players, by what they do. */
export type PlayerGroup = 'cached' | 'first' | 'bad';

/** One turn of a game: these tokens are presented at the same time, after the clock has moved. */
export interface PlayRound {
  readonly stepMs: number;
  readonly tokens: Readonly<Record<PlayerGroup, readonly string[]>>;
}

/** An answer: `valid:<userId>`, `invalid:<reason>` or `unknown:<reason>`. */
export type Outcome = string;

export type VerificationOrder =
  | { readonly op: 'ask'; readonly tokens: readonly string[] }
  | { readonly op: 'play'; readonly rounds: readonly PlayRound[] }
  | { readonly op: 'step'; readonly ms: number }
  | { readonly op: 'revoke'; readonly userId: string }
  | { readonly op: 'restore'; readonly userId: string }
  | { readonly op: 'untilRevoked'; readonly token: string }
  | { readonly op: 'untilTrusting' }
  | { readonly op: 'heap' }
  | { readonly op: 'stop' };

/** What became of a play: how often each outcome was given to each group. */
export interface PlayReport {
  readonly outcomes: Readonly<Record<PlayerGroup, Readonly<Record<Outcome, number>>>>;
  /** Requests to the identity system that this process sent meanwhile. */
  readonly calls: number;
}

export interface VerificationResults {
  readonly ask: readonly Outcome[];
  readonly play: PlayReport;
  readonly step: null;
  readonly revoke: 'done' | 'unavailable';
  readonly restore: null;
  readonly untilRevoked: null;
  readonly untilTrusting: null;
  /** Bytes in use after a garbage collection. */
  readonly heap: number;
  readonly stop: null;
}
