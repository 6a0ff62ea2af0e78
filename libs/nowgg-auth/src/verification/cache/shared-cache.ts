import type { InjectionToken } from '@nestjs/common';
import type { NowggClock } from '../../clock.js';
import type { TokenFacts } from '../../principal.js';

/** A yes of the identity system that another process, or this one, obtained. */
export interface SharedVerdict {
  readonly facts: TokenFacts;
  /** How long ago the question was sent, milliseconds; by whichever clock makes it older. Never negative. */
  readonly ageMs: number;
}

/**
 * Port: verdicts that processes share. An accelerator and nothing more: every operation ends within the cache's own
 * small budget, none rejects, and whatever goes wrong (down, slow, full, read-only, forged, of another shape) is a miss.
 * Keys are binary strings of any length. They name the token by its hash, and they differ where the configurations of two
 * applications differ, so that neither sees the other's verdicts: use the whole key.
 */
export abstract class SharedCache {
  /** The verdict of this key, if there is one that can be believed. */
  abstract read(key: string): Promise<SharedVerdict | undefined>;

  /** Keeps a verdict for at most `lifetimeMs`, counted from now. */
  abstract write(key: string, verdict: SharedVerdict, lifetimeMs: number): Promise<void>;

  /** Forgets verdicts. */
  abstract remove(keys: readonly string[]): Promise<void>;

  /**
   * Tries to become the one process that asks about this key for the next `leaseMs`. `held`: another process is asking,
   * its verdict will be there soon; only where that is proven. `unavailable`: not known, ask yourself.
   */
  abstract claim(key: string, leaseMs: number): Promise<'acquired' | 'held' | 'unavailable'>;

  /** Gives back a claim, after the verdict was written or when there is none. */
  abstract release(key: string): Promise<void>;

  /** Tells the other processes that a revocation was written. Best effort. */
  abstract announceRevocation(): Promise<void>;

  /** Calls back when another process announced a revocation. Gives a function that ends it. */
  abstract onRevocation(listener: () => void): () => void;

  /** Ends connections. */
  abstract close(): Promise<void>;
}

/** DI token of the shared cache that may be there or not. */
export const OPTIONAL_SHARED_CACHE = Symbol('nestjs-nowgg-auth:optional-shared-cache');

/** What the module hands to a wiring when it creates the cache. */
export interface SharedCacheContext {
  readonly clock: NowggClock;
  /**
   * 32 bytes that all processes of the application have in common and that the cache's server never sees: derived from
   * the first key of `tokens.encryptionKeys`, and absent without those.
   */
  readonly sealingKey: Uint8Array | undefined;
}

/** How a shared cache is created: what has to be injected, and what to make of it. */
export interface SharedCacheWiring {
  readonly inject: readonly InjectionToken[];
  /** @param dependencies instances for {@link inject}, in the same order */
  create(context: SharedCacheContext, ...dependencies: unknown[]): SharedCache | Promise<SharedCache>;
}
