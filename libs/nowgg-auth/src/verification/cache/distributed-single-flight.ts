import type { NowggClock } from '../../clock.js';
import type { IdentityProvider } from '../../identity/identity-provider.js';
import { VerificationResult, instantOf } from '../decision/verification-result.js';
import type { Confidence } from './confidence.js';
import type { SharedCache, SharedVerdict } from './shared-cache.js';

/** First wait for another process's answer, in milliseconds; it grows to the longest. */
const FIRST_POLL_MS = 5;
const LONGEST_POLL_MS = 50;

/** Use of shared verdicts for one request. */
export interface SharedVerdictUse {
  /** Whether no shared verdict is accepted: the identity system is asked at once. */
  readonly asksNow: boolean;
  /** Whether a shared verdict answers the request, by its age and life. */
  readonly serves: (shared: VerificationResult) => boolean;
  /** Receives a shared verdict that is too old to answer the request: it may serve in an outage. */
  readonly keepOlder: (shared: VerificationResult) => Promise<void>;
}

interface DistributedSingleFlightOptions {
  readonly maxAgeMs: number;
  readonly staleIfErrorMs: number;
  readonly timeoutMs: number;
}

/**
 * Asks the identity system once for all processes. It reads the shared cache first. On a miss, one process claims the
 * request and the others wait for its answer, no longer than they would have waited for their own.
 */
export class DistributedSingleFlight {
  readonly #cache: SharedCache | undefined;
  readonly #clock: NowggClock;
  readonly #options: DistributedSingleFlightOptions;
  readonly #confidence: Confidence;
  readonly #scope: string;

  /** @param scope the configuration that the verdicts of this module depend on; other scopes see none of them */
  constructor(
    cache: SharedCache | undefined,
    clock: NowggClock,
    options: DistributedSingleFlightOptions,
    { confidence, scope }: { readonly confidence: Confidence; readonly scope: string },
  ) {
    this.#cache = cache;
    this.#clock = clock;
    this.#options = options;
    this.#confidence = confidence;
    this.#scope = scope;
  }

  /**
   * @param key names the token, the provider that decides and the kind of token, so that all routes share a verdict
   * @param provider the provider that decides; another provider's or client's verdict is a miss
   * @param ask sends the request to the identity system; its answer has a life when it accepts the token
   */
  async ask(
    key: string,
    provider: IdentityProvider,
    use: SharedVerdictUse,
    ask: () => Promise<VerificationResult>,
  ): Promise<VerificationResult> {
    const cache = this.#cache;
    if (!cache) return ask();
    const scopedKey = this.#scopedKeyOf(key);
    if (use.asksNow) return this.#asked(cache, scopedKey, ask);
    const read = () => this.#read(cache, scopedKey, provider);
    const shared = await read();
    if (shared && use.serves(shared)) return shared;
    if (shared) await use.keepOlder(shared);
    const awaited = await this.#claimOrAwait(cache, scopedKey, async () => {
      const newer = await read();
      return newer && use.serves(newer) ? newer : undefined;
    });
    return awaited ?? this.#asked(cache, scopedKey, ask);
  }

  /** Shares an acceptance that was obtained otherwise. */
  async share(key: string, answer: VerificationResult): Promise<void> {
    if (this.#cache) await this.#write(this.#cache, this.#scopedKeyOf(key), answer);
  }

  /** Removes the verdicts about a token that other processes may share. */
  async forget(keys: readonly string[]): Promise<void> {
    await this.#cache?.remove(keys.map((key) => this.#scopedKeyOf(key)));
  }

  #scopedKeyOf(key: string): string {
    return `${this.#scope}/${key}`;
  }

  async #asked(cache: SharedCache, key: string, ask: () => Promise<VerificationResult>): Promise<VerificationResult> {
    const answer = await ask();
    await this.#write(cache, key, answer);
    await cache.release(key);
    return answer;
  }

  /** Stores an acceptance for its life and for the time that it may serve in an outage, but not past its `exp`. */
  async #write(
    cache: SharedCache,
    key: string,
    { verdict, askedAt, isVerified, lifeMs = this.#options.maxAgeMs }: VerificationResult,
  ): Promise<void> {
    if (verdict.status !== 'valid' || lifeMs <= 0) return;
    const { facts } = verdict;
    const ageMs = this.#clock.monotonicNow() - askedAt.monotonicMs;
    const untilExpiry = (facts.expiresAtMs ?? Number.POSITIVE_INFINITY) - this.#clock.now();
    const keptMs = Math.floor(Math.min(lifeMs + this.#options.staleIfErrorMs - ageMs, untilExpiry));
    if (keptMs > 0) await cache.write(key, { facts, ageMs, lifeMs, isVerified }, keptMs);
  }

  async #read(cache: SharedCache, key: string, provider: IdentityProvider): Promise<VerificationResult | undefined> {
    const now = instantOf(this.#clock);
    const shared = await cache.read(key);
    if (!shared || !(shared.ageMs >= 0 && shared.lifeMs >= 0) || !isVerdictOf(shared, provider)) return undefined;
    const askedAt = { wallMs: now.wallMs - shared.ageMs, monotonicMs: now.monotonicMs - shared.ageMs };
    const answer = new VerificationResult({ status: 'valid', facts: shared.facts }, askedAt, 'shared');
    answer.isVerified = shared.isVerified;
    // A process with other options may have let it grow longer.
    answer.lifeMs = Math.min(shared.lifeMs, this.#confidence.longestMs(provider));
    return answer;
  }

  /** Undefined when this process must ask: it got the claim, the cache is unavailable, or the other took too long. */
  async #claimOrAwait(
    cache: SharedCache,
    key: string,
    read: () => Promise<VerificationResult | undefined>,
  ): Promise<VerificationResult | undefined> {
    const { timeoutMs } = this.#options;
    const giveUpAt = this.#clock.monotonicNow() + timeoutMs;
    for (
      let pollMs = FIRST_POLL_MS;
      this.#clock.monotonicNow() < giveUpAt;
      pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)
    ) {
      if ((await cache.claim(key, timeoutMs)) !== 'held') return undefined;
      await this.#clock.wait(pollMs);
      const answer = await read();
      if (answer) return answer;
    }
    return undefined;
  }
}

/** Checked although the key ensures it: a cache that mixes up values must not make a token valid at another client. */
function isVerdictOf({ facts }: SharedVerdict, { name, clientKey, tokenTypes }: IdentityProvider): boolean {
  return facts.provider === name && facts.clientKey === clientKey && tokenTypes.includes(facts.tokenType);
}
