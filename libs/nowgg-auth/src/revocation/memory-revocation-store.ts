import { type RevocationChanges, RevocationStore, type RevocationStoreWiring } from './revocation-store.js';
import type { TokenLives } from './marks/token-lives.js';
import { mergeWatermarks, type RevocationSubject, type Watermark } from './marks/watermark.js';
import { Watermarks } from './marks/watermarks.js';

const ALWAYS = Number.NEGATIVE_INFINITY;

/** Watermarks of this process alone, lost when it ends. They are kept once: the feed uses the same instance. */
export class MemoryRevocationStore extends RevocationStore {
  override readonly isShared: boolean = false;
  #watermarks: Watermarks | undefined;

  /** The instance that holds the watermarks. */
  keptWith(lives: TokenLives): Watermarks {
    this.#watermarks ??= new Watermarks(lives);
    return this.#watermarks;
  }

  override async put(watermark: Watermark): Promise<Watermark> {
    const merged = mergeWatermarks(this.#kept.find(watermark), watermark);
    this.#kept.apply(merged, ALWAYS);
    return merged;
  }

  override async restore(subject: RevocationSubject): Promise<void> {
    this.#kept.apply({ ...subject, issuedUntilMs: undefined, refusedUntilMs: undefined }, ALWAYS);
  }

  override async find(subject: RevocationSubject): Promise<Watermark | undefined> {
    return this.#kept.find(subject);
  }

  /** Returns no changes: no other process writes here. */
  override async changesSince(): Promise<RevocationChanges> {
    return { watermarks: [], cursor: '' };
  }

  get #kept(): Watermarks {
    this.#watermarks ??= new Watermarks();
    return this.#watermarks;
  }
}

/**
 * Keeps revocations in the memory of each process: enough for one process and for trials. Other processes do not see
 * them, and a restart loses them; use `typeOrmRevocationStore()` where that matters. This is the default.
 *
 * @example
 * ```ts
 * import { memoryRevocationStore, NowggAuthModule } from 'nestjs-nowgg-auth';
 *
 * export const auth = NowggAuthModule.forRoot({
 *   clientId: process.env.NOWGG_CLIENT_ID ?? '',
 *   clientSecret: process.env.NOWGG_CLIENT_SECRET ?? '',
 *   revocationStore: memoryRevocationStore(), // as without this line
 * });
 * ```
 */
export function memoryRevocationStore(): RevocationStoreWiring {
  return { inject: [], create: () => new MemoryRevocationStore() };
}
