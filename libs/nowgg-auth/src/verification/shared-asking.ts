import type { NowggClock } from '../clock.js';
import { Answer } from './answer.js';
import type { SharedCache } from './shared-cache.js';
import { instantOf } from './verdict-cache.js';

/** First wait for another process's answer, milliseconds; grows to the longest. */
const FIRST_POLL_MS = 5;
const LONGEST_POLL_MS = 50;

/**
 * Asks the identity system once for all processes: the shared cache is looked at first, and of the processes that miss
 * one claims the question while the others wait for its answer, no longer than they would have waited for their own.
 */
export class SharedAsking {
  readonly #cache: SharedCache | undefined;
  readonly #clock: NowggClock;
  readonly #maxAgeMs: number;
  readonly #timeoutMs: number;

  constructor(
    cache: SharedCache | undefined,
    clock: NowggClock,
    options: { readonly maxAgeMs: number; readonly timeoutMs: number },
  ) {
    this.#cache = cache;
    this.#clock = clock;
    this.#maxAgeMs = options.maxAgeMs;
    this.#timeoutMs = options.timeoutMs;
  }

  /**
   * @param freshMs how old a shared verdict may be; 0 takes none and asks
   * @param ask the question to the identity system itself
   */
  async ask(key: string, freshMs: number, ask: () => Promise<Answer>): Promise<Answer> {
    const cache = this.#cache;
    if (!cache) return ask();
    if (freshMs <= 0) return this.#asked(cache, key, ask);
    const shared = (await this.#read(cache, key, freshMs)) ?? (await this.#claimOrAwait(cache, key, freshMs));
    return shared ?? this.#asked(cache, key, ask);
  }

  /** Forgets what other processes may know of a token. */
  async forget(keys: readonly string[]): Promise<void> {
    await this.#cache?.remove(keys);
  }

  async #asked(cache: SharedCache, key: string, ask: () => Promise<Answer>): Promise<Answer> {
    const answer = await ask();
    if (answer.verdict.status === 'valid') {
      const { facts } = answer.verdict;
      const age = this.#clock.monotonicNow() - answer.askedAt.monotonicMs;
      const untilExpiry = (facts.expiresAtMs ?? Number.POSITIVE_INFINITY) - this.#clock.now();
      const lifetimeMs = Math.floor(Math.min(this.#maxAgeMs - age, untilExpiry));
      if (lifetimeMs > 0) await cache.write(key, { facts, ageMs: age }, lifetimeMs);
    }
    await cache.release(key);
    return answer;
  }

  async #read(cache: SharedCache, key: string, freshMs: number): Promise<Answer | undefined> {
    const now = instantOf(this.#clock);
    const shared = await cache.read(key);
    if (!shared || !(shared.ageMs >= 0 && shared.ageMs < freshMs)) return undefined;
    const askedAt = { wallMs: now.wallMs - shared.ageMs, monotonicMs: now.monotonicMs - shared.ageMs };
    return new Answer({ status: 'valid', facts: shared.facts }, askedAt, 'shared');
  }

  /** Undefined when this process has to ask: it got the claim, nobody knows, or the other one took too long. */
  async #claimOrAwait(cache: SharedCache, key: string, freshMs: number): Promise<Answer | undefined> {
    const giveUpAt = this.#clock.monotonicNow() + this.#timeoutMs;
    for (
      let pollMs = FIRST_POLL_MS;
      this.#clock.monotonicNow() < giveUpAt;
      pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)
    ) {
      if ((await cache.claim(key, this.#timeoutMs)) !== 'held') return undefined;
      await this.#clock.wait(pollMs);
      const answer = await this.#read(cache, key, freshMs);
      if (answer) return answer;
    }
    return undefined;
  }
}
