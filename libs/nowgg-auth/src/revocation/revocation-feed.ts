import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import { NowggConfigurationError } from '../errors.js';
import { publishSecurityEvent } from '../events/security-events.js';
import { CoalescedReading } from './coalesced-reading.js';
import { MemoryRevocationStore } from './memory-revocation-store.js';
import { RevocationNews } from './revocation-news.js';
import type { RevocationStore } from './revocation-store.js';
import { TokenLives } from './marks/token-lives.js';
import { isSpent, type MarkCause, type RevocationSubject, type Watermark } from './marks/watermark.js';
import { type BanInForce, type RevocableToken, Watermarks } from './marks/watermarks.js';

const POLL_MS = 1_000;
/** Data that is older than this may lack a ban. */
const TRUSTED_MS = 10_000;
/** Time that boot waits for the first reading. */
const BOOT_WAITS_MS = 5_000;
/** A flood of hints costs at most one reading in this time. */
const READING_EVERY_MS = 50;

/** Notifies other processes of a new revocation. Best effort: the poll finds everything without it. */
export interface RevocationNotifier {
  announceRevocation(): Promise<void>;
  /** Calls `listener` when another process announces a revocation. Returns a function that ends the subscription. */
  onRevocation(listener: () => void): () => void;
}

/** The view of revocations that verification uses. */
export interface RevocationView {
  /**
   * Whether the token is revoked, as far as this process knows.
   *
   * @param digest identity of the token as 32 one-byte characters
   * @param begunAtMs when the exchange or refresh that brought the token began, where that is known
   */
  refuses(token: RevocableToken, digest: string, nowMs: number, begunAtMs?: number): boolean;
  /** The ban that refuses a token, if it is one. Called for a token that {@link refuses} refuses. */
  findBan(token: RevocableToken, digest: string, nowMs: number): BanInForce | undefined;
  /** Why a token that {@link refuses} refuses is refused, where its holder is told. */
  causeOf(token: RevocableToken, digest: string, nowMs: number): MarkCause | undefined;
  /** Whether a sign-out that was written before a time refuses the token, whatever ban is in force. */
  refusedBefore(token: RevocableToken, digest: string, beforeMs: number, begunAtMs?: number): boolean;
  /**
   * Whether the data is current: false before the first complete load, and while the store cannot be read.
   *
   * @param monotonicMs reading of the monotonic clock
   */
  isCurrentAt(monotonicMs: number): boolean;
  /** Whether all watermarks that can still refuse something were read once. */
  readonly isLoaded: boolean;
  /**
   * Learns from an accepted token how long tokens live here. Await the returned promise before deciding about the
   * token: it first reads older marks that were not considered relevant.
   */
  learn(token: RevocableToken): Promise<void> | undefined;
  /** Notes that a token's time of issue is this far ahead of our clock. */
  noteLead(provider: string, leadMs: number): void;
}

/**
 * Keeps this process's watermarks up to date: polls each second, and at once after a hint. Hints may be lost, polls may
 * not: when they fail for more than ten seconds, the feed is not {@link RevocationFeed.isCurrentAt | current}.
 */
export class RevocationFeed implements RevocationView, OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #store: RevocationStore;
  readonly #clock: NowggClock;
  readonly #hints: RevocationNotifier | undefined;
  readonly #lives: TokenLives;
  readonly #watermarks: Watermarks;
  readonly #closing = new AbortController();
  readonly #news: RevocationNews;
  readonly #readings: CoalescedReading;
  readonly #endWatches: (() => unknown)[] = [];
  readonly #learning = new Map<string, Promise<void>>();
  #problem: unknown;
  #isUnread = false;

  constructor(store: RevocationStore, clock: NowggClock, hints?: RevocationNotifier, lives = new TokenLives()) {
    this.#store = store;
    this.#clock = clock;
    this.#hints = hints;
    this.#lives = lives;
    const { signal } = this.#closing;
    const watermarks = store instanceof MemoryRevocationStore ? store.keptWith(lives) : new Watermarks(lives);
    this.#watermarks = watermarks;
    this.#news = new RevocationNews({ store, clock, lives, watermarks, signal });
    this.#readings = new CoalescedReading(clock, READING_EVERY_MS, signal, () => this.#read());
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.start();
  }

  /** Runs before the application closes its database. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /**
   * Starts to read, and continues until {@link close}. Waits at most five seconds for the first reading: a long history
   * is read in the background. Does not fail when the store is unavailable.
   *
   * @throws NowggConfigurationError when the tables are missing, too new or may not be used
   */
  async start(): Promise<void> {
    if (!this.#store.isShared) return;
    await this.#firstReading();
    if (this.#problem instanceof NowggConfigurationError) throw this.#problem;
    const onHint = () => void this.readNow();
    if (this.#hints) this.#endWatches.push(this.#hints.onRevocation(onHint));
    try {
      this.#endWatches.push(await this.#store.watch(onHint));
    } catch {
      // Only a hint: the poll finds everything without it.
    }
    void this.#poll();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#endWatches.splice(0).map(async (end) => end()));
    await this.#readings.end();
  }

  /** Tells the other processes that this one has written something. */
  async announce(): Promise<void> {
    if (this.#store.isShared) await this.#hints?.announceRevocation();
  }

  refuses(token: RevocableToken, digest: string, nowMs: number, begunAtMs?: number): boolean {
    return this.#watermarks.refuse(token, digest, nowMs, begunAtMs);
  }

  findBan(token: RevocableToken, digest: string, nowMs: number): BanInForce | undefined {
    return this.#watermarks.findBan(token, digest, nowMs);
  }

  causeOf(token: RevocableToken, digest: string, nowMs: number): MarkCause | undefined {
    return this.#watermarks.causeOf(token, digest, nowMs);
  }

  refusedBefore(token: RevocableToken, digest: string, beforeMs: number, begunAtMs?: number): boolean {
    return this.#watermarks.refusedBefore(token, digest, beforeMs, begunAtMs);
  }

  isCurrentAt(monotonicMs: number): boolean {
    const { completeAt } = this.#news;
    return !this.#store.isShared || (completeAt !== undefined && monotonicMs - completeAt <= TRUSTED_MS);
  }

  get isLoaded(): boolean {
    return !this.#store.isShared || this.#news.completeAt !== undefined;
  }

  /** Time since the last complete reading began, in milliseconds; undefined before it. 0 for a store of this process. */
  get ageMs(): number | undefined {
    if (!this.#store.isShared) return 0;
    const { completeAt } = this.#news;
    return completeAt === undefined ? undefined : this.#clock.monotonicNow() - completeAt;
  }

  /** Number of users, sessions and tokens with a revocation that this process knows. */
  get size(): number {
    return this.#watermarks.size;
  }

  find(subject: RevocationSubject): Watermark | undefined {
    return this.#watermarks.find(subject);
  }

  /**
   * Calls a listener with each subject whose revocation, or its end, this process has learnt of: its own writes at once,
   * those of other processes when they are read. It must not throw. Returns a function that ends it.
   */
  onApplied(listener: (subject: RevocationSubject) => void): () => void {
    return this.#watermarks.onApplied(listener);
  }

  /** Whether a watermark can still refuse anything. */
  isInForce(watermark: Watermark): boolean {
    return !isSpent(watermark, this.#clock.now(), this.#lives.of(watermark.provider));
  }

  /**
   * Writes watermarks of this process, and applies the outcome at once.
   *
   * @param send writes to the store, and returns the states of all subjects as they were stored
   * @throws the error of `send`
   */
  async write(subjects: readonly RevocationSubject[], send: () => Promise<readonly Watermark[]>): Promise<void> {
    await this.#news.write(subjects, send);
    if (!this.#store.isShared) this.#watermarks.prune(this.#clock.now());
  }

  learn(token: RevocableToken): Promise<void> | undefined {
    const { provider } = token;
    const lifeMs = this.#lives.shownBy(token, this.#clock.now());
    if (!this.#lives.grow(provider, lifeMs)) return this.#learning.get(provider);
    const learning = this.#learnt(provider, lifeMs).finally(() => {
      if (this.#learning.get(provider) === learning) this.#learning.delete(provider);
    });
    this.#learning.set(provider, learning);
    return learning;
  }

  noteLead(provider: string, leadMs: number): void {
    this.#watermarks.noteLead(provider, leadMs, this.#clock.now());
  }

  /** Reads once more. Resolves at the end of a reading that began after this call; at most one reading in 50 ms. */
  async readNow(): Promise<void> {
    return this.#readings.request();
  }

  /** Starts the first reading and waits for its end for a limited time: boot continues without it. */
  async #firstReading(): Promise<void> {
    const waited = new AbortController();
    const signal = AbortSignal.any([waited.signal, this.#closing.signal]);
    const longEnough = this.#clock.wait(BOOT_WAITS_MS, signal).catch(() => undefined);
    try {
      await Promise.race([this.#checkSchema().then(() => this.readNow()), longEnough]);
    } finally {
      waited.abort();
    }
  }

  /** An unavailable store is not a reason to refuse to boot; the reading reports it. */
  async #checkSchema(): Promise<void> {
    try {
      await this.#store.checkSchema();
    } catch (error) {
      if (error instanceof NowggConfigurationError) throw error;
    }
  }

  async #read(): Promise<void> {
    try {
      await this.#news.read();
      this.#problem = undefined;
    } catch (error) {
      // The next poll tries again; isCurrentAt reports whether the data is too old.
      this.#problem = error;
    }
  }

  async #learnt(provider: string, lifeMs: number): Promise<void> {
    // If it cannot be stored, the next process learns it anew.
    await this.#store.keepTokenLife(provider, lifeMs).catch(() => undefined);
    if (!this.#store.isShared) return;
    this.#news.reload();
    await this.readNow();
  }

  /** Publishes one event when the data becomes too old and one when it is current again. */
  #tell(): void {
    const isUnread = !this.isCurrentAt(this.#clock.monotonicNow());
    if (isUnread === this.#isUnread || this.#closing.signal.aborted) return;
    this.#isUnread = isUnread;
    publishSecurityEvent({ type: 'revocations_unread', ...(!isUnread && { detail: 'over' }) });
  }

  async #poll(): Promise<void> {
    try {
      for (;;) {
        await this.#clock.wait(POLL_MS, this.#closing.signal);
        await this.readNow();
        this.#tell();
        this.#watermarks.prune(this.#clock.now());
      }
    } catch {
      // close() ended the wait.
    }
  }
}
