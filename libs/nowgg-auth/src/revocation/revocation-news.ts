import type { NowggClock } from '../clock.js';
import type { RevocationStore } from './revocation-store.js';
import type { TokenLives } from './marks/token-lives.js';
import type { Watermark } from './marks/watermark.js';
import type { Watermarks } from './marks/watermarks.js';

interface RevocationNewsParts {
  readonly store: RevocationStore;
  readonly clock: NowggClock;
  readonly lives: TokenLives;
  readonly watermarks: Watermarks;
  readonly signal: AbortSignal;
}

/** Reads the watermarks of the store into those of this process, page by page. */
export class RevocationNews {
  readonly #parts: RevocationNewsParts;
  #cursor: string | undefined;
  #isReading = false;
  /** Whether the cursor is within a reading that is not complete. */
  #isPartial = false;
  #mustReload = false;
  /** Watermarks that this process wrote during a reading: the page may have been read before. */
  readonly #writtenMeanwhile: Watermark[] = [];
  /** When the last complete reading began, on the monotonic clock; undefined before the first. */
  completeAt: number | undefined;

  constructor(parts: RevocationNewsParts) {
    this.#parts = parts;
  }

  /** Notes a watermark that this process has written. */
  wrote(watermark: Watermark): void {
    if (this.#isReading) this.#writtenMeanwhile.push(watermark);
  }

  /** Makes the next reading begin anew: marks that were considered spent are relevant. */
  reload(): void {
    this.#mustReload = true;
  }

  /**
   * Reads all changes.
   *
   * @throws the error of the store; the next reading continues where this one failed
   */
  async read(): Promise<void> {
    this.#isReading = true;
    try {
      const mayHaveTakenLong = this.#cursor === undefined || this.#mustReload || this.#isPartial;
      const startedAt = await this.#readOnce();
      // A load, or a reading that a fault interrupted, may have taken long: what was written meanwhile is part of it.
      this.completeAt = (mayHaveTakenLong ? await this.#readOnce() : startedAt) ?? this.completeAt;
    } finally {
      this.#isReading = false;
      this.#writtenMeanwhile.length = 0;
    }
  }

  /** @returns when the reading began, on the monotonic clock; undefined when it was ended early */
  async #readOnce(): Promise<number | undefined> {
    if (this.#mustReload) this.#cursor = undefined;
    this.#mustReload = false;
    const { store, clock, lives, signal } = this.#parts;
    const startedAt = clock.monotonicNow();
    if (this.#cursor === undefined) await this.#readLives();
    do {
      if (signal.aborted) return undefined;
      const changes = await store.changesSince(this.#cursor, lives);
      this.#take(changes.watermarks);
      this.#cursor = changes.cursor;
      this.#isPartial = changes.isPartial ?? false;
    } while (this.#isPartial);
    return startedAt;
  }

  async #readLives(): Promise<void> {
    const { store, lives } = this.#parts;
    for (const [provider, lifeMs] of await store.tokenLives()) lives.grow(provider, lifeMs);
  }

  #take(watermarks: readonly Watermark[]): void {
    const nowMs = this.#parts.clock.now();
    for (const watermark of [...watermarks, ...this.#writtenMeanwhile]) this.#parts.watermarks.apply(watermark, nowMs);
  }
}
