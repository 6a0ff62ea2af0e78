import type { RevocationSubject, Watermark } from './watermark.js';
import { mergeWatermarks } from './watermark.js';
import { type RevocationChanges, RevocationStore, type RevocationStoreWiring } from './revocation-store.js';

/** Watermarks of this process alone, gone when it ends. */
export class MemoryRevocationStore extends RevocationStore {
  override readonly isShared = false;
  readonly #watermarks = new Map<string, Watermark>();

  override async put(watermark: Watermark): Promise<Watermark> {
    const merged = mergeWatermarks(this.#watermarks.get(keyOf(watermark)), watermark);
    this.#watermarks.set(keyOf(watermark), merged);
    return merged;
  }

  override async lift(subject: RevocationSubject): Promise<void> {
    this.#watermarks.delete(keyOf(subject));
  }

  override async find(subject: RevocationSubject): Promise<Watermark | undefined> {
    return this.#watermarks.get(keyOf(subject));
  }

  override async changesSince(): Promise<RevocationChanges> {
    return { watermarks: [...this.#watermarks.values()], cursor: '' };
  }
}

function keyOf({ provider, kind, id }: RevocationSubject): string {
  return JSON.stringify([provider, kind, id]);
}

/**
 * Keeps revocations in the memory of each process: enough for one process and for trials. Other processes and the next
 * start know nothing of them; use `typeOrmRevocationStore()` where that matters. This is the default.
 */
export function memoryRevocationStore(): RevocationStoreWiring {
  return { inject: [], create: () => new MemoryRevocationStore() };
}
