import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import type { RevocationStore } from './revocation-store.js';
import type { RevocationSubject, Watermark } from './watermark.js';
import { type RevocableToken, Watermarks } from './watermarks.js';

const POLL_MS = 1_000;
/** With news older than this, a verdict from memory could be one that a ban has ended. */
const TRUSTED_MS = 10_000;

/** How processes tell each other that there is news. Best effort: the poll finds everything by itself. */
export interface RevocationHints {
  announceRevocation(): Promise<void>;
  /** Gives a function that ends it. */
  onRevocation(listener: () => void): () => void;
}

/** What verification needs to know about revocations. */
export interface RevocationView {
  /**
   * Whether the token is revoked, as far as is known here.
   *
   * @param digest SHA-256 of the token as 32 one-byte characters
   */
  refuses(token: RevocableToken, digest: string, nowMs: number): boolean;
  /**
   * False while the store cannot be read: then no verdict from memory may serve.
   *
   * @param monotonicMs reading of the monotonic clock
   */
  isCurrentAt(monotonicMs: number): boolean;
}

/**
 * Keeps this process's watermarks up to date: a poll each second, and at once after a hint. Hints may be lost, the poll
 * may not: while it fails for more than ten seconds the feed is not {@link RevocationFeed.isCurrentAt | current}.
 */
export class RevocationFeed implements RevocationView, OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #store: RevocationStore;
  readonly #clock: NowggClock;
  readonly #watermarks = new Watermarks();
  readonly #closing = new AbortController();
  #cursor: string | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #hinted = false;
  readonly #hints: RevocationHints | undefined;
  readonly #endWatches: (() => unknown)[] = [];

  constructor(store: RevocationStore, clock: NowggClock, hints?: RevocationHints) {
    this.#store = store;
    this.#clock = clock;
    this.#hints = hints;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.start();
  }

  /** Before the application closes its database. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /** Reads what is known so far and goes on reading until {@link close}. Does not fail when the store does. */
  async start(): Promise<void> {
    await this.readNow();
    if (!this.#store.isShared) return;
    const onHint = () => void this.readNow();
    if (this.#hints) this.#endWatches.push(this.#hints.onRevocation(onHint));
    try {
      this.#endWatches.push(await this.#store.watch(onHint));
    } catch {
      // A hint only: the poll finds everything by itself.
    }
    void this.#poll();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#endWatches.splice(0).map(async (end) => end()));
    await this.#reading;
  }

  /** Tells the other processes that this one has written something. */
  async announce(): Promise<void> {
    if (this.#store.isShared) await this.#hints?.announceRevocation();
  }

  refuses(token: RevocableToken, digest: string, nowMs: number): boolean {
    return this.#watermarks.refuse(token, digest, nowMs);
  }

  isCurrentAt(monotonicMs: number): boolean {
    return !this.#store.isShared || monotonicMs - this.#readAt <= TRUSTED_MS;
  }

  find(subject: RevocationSubject): Watermark | undefined {
    return this.#watermarks.find(subject);
  }

  /** Takes over what this process itself has just written. */
  apply(watermark: Watermark): void {
    this.#watermarks.apply(watermark, this.#clock.now());
  }

  /** Reads once more; one reading at a time, and one more after it when something happened meanwhile. */
  async readNow(): Promise<void> {
    if (this.#reading) {
      this.#hinted = true;
      return this.#reading;
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    do {
      this.#hinted = false;
      const askedAt = this.#clock.monotonicNow();
      try {
        const { watermarks, cursor } = await this.#store.changesSince(this.#cursor);
        for (const watermark of watermarks) this.apply(watermark);
        this.#cursor = cursor;
        this.#readAt = askedAt;
      } catch {
        // The next poll tries again; isCurrentAt tells how old the news are.
      }
    } while (this.#hinted && !this.#closing.signal.aborted);
  }

  async #poll(): Promise<void> {
    try {
      for (;;) {
        await this.#clock.wait(POLL_MS, this.#closing.signal);
        await this.readNow();
        this.#watermarks.prune(this.#clock.now());
      }
    } catch {
      // The wait was ended by close().
    }
  }
}
