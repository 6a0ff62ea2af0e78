import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NowggClock } from '../clock.js';
import { OwnWrites } from './own-writes.js';
import type { RevocationChanges, RevocationStore } from './revocation-store.js';
import type { TokenLives } from './marks/token-lives.js';
import type { RevocationSubject, Watermark } from './marks/watermark.js';
import type { Watermarks } from './marks/watermarks.js';

/** Watermarks that are applied at once; then other work of the process has its turn. */
const SLICE = 500;

interface RevocationNewsParts {
  readonly store: RevocationStore;
  readonly clock: NowggClock;
  readonly lives: TokenLives;
  readonly watermarks: Watermarks;
  readonly signal: AbortSignal;
}

interface Page {
  readonly number: number;
  readonly changes: RevocationChanges;
}

/** Reads the watermarks of the store into those of this process, page by page. */
export class RevocationNews {
  readonly #parts: RevocationNewsParts;
  readonly #ownWrites: OwnWrites;
  #cursor: string | undefined;
  /** Whether the cursor is within a reading that is not complete. */
  #isPartial = false;
  #mustReload = false;
  /** When the last complete reading began, on the monotonic clock; undefined before the first. */
  completeAt: number | undefined;

  constructor(parts: RevocationNewsParts) {
    this.#parts = parts;
    this.#ownWrites = new OwnWrites(parts);
  }

  /** Writes watermarks of this process, and applies the outcome. See {@link OwnWrites.write}. */
  async write(subjects: readonly RevocationSubject[], send: () => Promise<readonly Watermark[]>): Promise<void> {
    await this.#ownWrites.write(subjects, send);
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
    const mayHaveTakenLong = this.#cursor === undefined || this.#mustReload || this.#isPartial;
    const startedAt = await this.#readOnce();
    // A load, or a reading that a fault interrupted, may have taken long: what was written meanwhile is part of it.
    this.completeAt = (mayHaveTakenLong ? await this.#readOnce() : startedAt) ?? this.completeAt;
  }

  /** @returns when the reading began, on the monotonic clock; undefined when it was ended early */
  async #readOnce(): Promise<number | undefined> {
    if (this.#mustReload) this.#cursor = undefined;
    this.#mustReload = false;
    const startedAt = this.#parts.clock.monotonicNow();
    if (this.#cursor === undefined) await this.#readLives();
    return (await this.#readPages()) ? startedAt : undefined;
  }

  /** Reads all pages from the cursor on; the store reads one while the one before is applied. @returns whether all */
  async #readPages(): Promise<boolean> {
    if (this.#parts.signal.aborted) return false;
    let request: Promise<Page> | undefined = this.#request(this.#cursor);
    try {
      while (request !== undefined) {
        const { number, changes }: Page = await request;
        request = changes.isPartial ? this.#request(changes.cursor) : undefined;
        // Its failure is reported when its turn comes.
        request?.catch(() => undefined);
        if (!(await this.#apply(number, changes.watermarks))) return false;
        this.#cursor = changes.cursor;
        this.#isPartial = request !== undefined;
        await this.#ownWrites.settle();
      }
      return true;
    } finally {
      await request?.catch(() => undefined);
      this.#ownWrites.endPages();
    }
  }

  async #readLives(): Promise<void> {
    const { store, lives } = this.#parts;
    for (const [provider, lifeMs] of await store.tokenLives()) lives.grow(provider, lifeMs);
  }

  async #request(cursor: string | undefined): Promise<Page> {
    const { store, lives } = this.#parts;
    return { number: this.#ownWrites.requestPage(), changes: await store.changesSince(cursor, lives) };
  }

  /** Applies a page, a few watermarks at a time. @returns whether it was applied to its end */
  async #apply(page: number, watermarks: Iterable<Watermark>): Promise<boolean> {
    const { signal } = this.#parts;
    let slice: Watermark[] = [];
    for (const watermark of watermarks) {
      slice.push(watermark);
      if (slice.length < SLICE) continue;
      if (signal.aborted) return false;
      this.#ownWrites.read(page, slice);
      slice = [];
      await nextTurn();
    }
    if (signal.aborted) return false;
    this.#ownWrites.read(page, slice);
    this.#ownWrites.endPage(page);
    return true;
  }
}
