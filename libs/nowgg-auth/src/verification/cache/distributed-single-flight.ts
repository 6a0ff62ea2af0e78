import type { NowggClock } from '../../clock.js';
import type { IdentityProvider } from '../../identity/identity-provider.js';
import { VerificationResult, instantOf } from '../decision/verification-result.js';
import type { SharedCache, SharedVerdict } from './shared-cache.js';

/** First wait for another process's answer, in milliseconds; it grows to the longest. */
const FIRST_POLL_MS = 5;
const LONGEST_POLL_MS = 50;

/**
 * Asks the identity system once for all processes. It reads the shared cache first. On a miss, one process claims the
 * request and the others wait for its answer, no longer than they would have waited for their own.
 */
export class DistributedSingleFlight {
  readonly #cache: SharedCache | undefined;
  readonly #clock: NowggClock;
  readonly #maxAgeMs: number;
  readonly #timeoutMs: number;
  readonly #scope: string;

  /** @param scope the configuration that the verdicts of this module depend on; other scopes see none of them */
  constructor(
    cache: SharedCache | undefined,
    clock: NowggClock,
    options: { readonly maxAgeMs: number; readonly timeoutMs: number },
    scope: string,
  ) {
    this.#cache = cache;
    this.#clock = clock;
    this.#maxAgeMs = options.maxAgeMs;
    this.#timeoutMs = options.timeoutMs;
    this.#scope = scope;
  }

  /**
   * @param provider the provider that decides; another provider's or client's verdict is a miss
   * @param freshMs maximum age of a shared verdict; 0 accepts none and asks
   * @param ask sends the request to the identity system
   */
  async ask(
    key: string,
    provider: IdentityProvider,
    freshMs: number,
    ask: () => Promise<VerificationResult>,
  ): Promise<VerificationResult> {
    const cache = this.#cache;
    if (!cache) return ask();
    const scopedKey = this.#scopedKeyOf(key);
    if (freshMs <= 0) return this.#asked(cache, scopedKey, ask);
    const read = () => this.#read(cache, scopedKey, provider, freshMs);
    const shared = (await read()) ?? (await this.#claimOrAwait(cache, scopedKey, read));
    return shared ?? this.#asked(cache, scopedKey, ask);
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

  async #read(
    cache: SharedCache,
    key: string,
    provider: IdentityProvider,
    freshMs: number,
  ): Promise<VerificationResult | undefined> {
    const now = instantOf(this.#clock);
    const shared = await cache.read(key);
    if (!shared || !(shared.ageMs >= 0 && shared.ageMs < freshMs)) return undefined;
    if (!isVerdictOf(shared, provider)) return undefined;
    const askedAt = { wallMs: now.wallMs - shared.ageMs, monotonicMs: now.monotonicMs - shared.ageMs };
    return new VerificationResult({ status: 'valid', facts: shared.facts }, askedAt, 'shared');
  }

  /** Undefined when this process must ask: it got the claim, the cache is unavailable, or the other took too long. */
  async #claimOrAwait(
    cache: SharedCache,
    key: string,
    read: () => Promise<VerificationResult | undefined>,
  ): Promise<VerificationResult | undefined> {
    const giveUpAt = this.#clock.monotonicNow() + this.#timeoutMs;
    for (
      let pollMs = FIRST_POLL_MS;
      this.#clock.monotonicNow() < giveUpAt;
      pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)
    ) {
      if ((await cache.claim(key, this.#timeoutMs)) !== 'held') return undefined;
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
