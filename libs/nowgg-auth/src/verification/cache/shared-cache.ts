import type { InjectionToken } from '@nestjs/common';
import type { NowggClock } from '../../clock.js';
import type { CallLease, CallNeed } from '../../resilience/call-rate.js';
import type { TokenFacts } from '../../principal.js';

/** An acceptance of a token that another process, or this one, obtained. */
export interface SharedVerdict {
  readonly facts: TokenFacts;
  /** Time since the request was sent, in milliseconds, by the clock that gives the higher age. Never negative. */
  readonly ageMs: number;
  /** Age up to which it is used without asking again, in milliseconds. Older, it serves only in an outage. */
  readonly lifeMs: number;
  /** Whether the identity system has verified the token. False for a token that it has just issued. */
  readonly isVerified: boolean;
}

/**
 * Port: verdicts that processes share. It only saves requests: every operation ends within the cache's own short time
 * limit, none rejects, and every failure (down, slow, full, read-only, forged, of another shape) is a miss. Keys are
 * binary strings of any length. They name the token by its hash, and they differ where the configurations of two
 * applications differ, so that neither sees the other's verdicts: use the whole key.
 */
export abstract class SharedCache {
  /** Returns the verdict of this key, if there is one that can be trusted, whatever its age. */
  abstract read(key: string): Promise<SharedVerdict | undefined>;

  /** Stores a verdict for at most `keptMs` milliseconds, counted from now. */
  abstract write(key: string, verdict: SharedVerdict, keptMs: number): Promise<void>;

  /** Removes verdicts. */
  abstract remove(keys: readonly string[]): Promise<void>;

  /**
   * Tries to become the one process that asks about this key for the next `leaseMs`. `held`: it is proven that another
   * process is asking, and its verdict will follow soon. `unavailable`: not known; the caller must ask.
   */
  abstract claim(key: string, leaseMs: number): Promise<'acquired' | 'held' | 'unavailable'>;

  /** Releases a claim, after the verdict was written or when there is none. */
  abstract release(key: string): Promise<void>;

  /**
   * Leases calls to this process from a rate that all processes share. Default: undefined, as when that is not possible
   * now; the process then uses its share of the rate.
   *
   * @param _name names the rate among all others
   */
  async leaseCalls(_name: string, _need: CallNeed): Promise<CallLease | 'contended' | undefined> {
    return undefined;
  }

  /** Tells the other processes that a revocation was written. Best effort. */
  abstract announceRevocation(): Promise<void>;

  /** Calls `listener` when another process announces a revocation. Returns a function that ends the subscription. */
  abstract onRevocation(listener: () => void): () => void;

  /**
   * Tells the other processes that one of the application's own users has changed. Best effort. Default: nothing; they
   * see the change when what they keep is old.
   *
   * @param _user names the user: provider and user id
   */
  async announcePlayer(_user: string): Promise<void> {
    return undefined;
  }

  /** Calls `listener` with the user of each such announcement of another process, or of this one. Default: never. */
  onPlayer(_listener: (user: string) => void): () => void {
    return () => undefined;
  }

  /** Closes the connections. */
  abstract close(): Promise<void>;
}

/** DI token of the shared cache, which is optional. */
export const OPTIONAL_SHARED_CACHE = Symbol('nestjs-nowgg-auth:optional-shared-cache');

/** Data that the module passes to a wiring when it creates the cache. */
export interface SharedCacheContext {
  readonly clock: NowggClock;
  /**
   * 32 bytes that all processes of the application share and that the cache's server never sees. Derived from the first
   * key of `tokens.encryptionKeys`; absent without those keys.
   */
  readonly sealingKey: Uint8Array | undefined;
}

/** Creation of a shared cache: the dependencies to inject, and the factory that uses them. */
export interface SharedCacheWiring {
  readonly inject: readonly InjectionToken[];
  /** @param dependencies instances for {@link inject}, in the same order */
  create(context: SharedCacheContext, ...dependencies: unknown[]): SharedCache | Promise<SharedCache>;
}
