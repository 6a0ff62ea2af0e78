import type { NowggClock } from '../../clock.js';
import type { IdentityProvider } from '../../identity/identity-provider.js';
import { VerificationResult } from '../decision/verification-result.js';
import type { SharedCache, SharedVerdict } from './shared-cache.js';
import { instantOf } from '../decision/instant.js';

/** First wait for another process's answer, milliseconds; grows to the longest. */
const FIRST_POLL_MS = 5;
const LONGEST_POLL_MS = 50;

/**
 * Asks the identity system once for all processes: the shared cache is looked at first, and of the processes that miss
 * one claims the question while the others wait for its answer, no longer than they would have waited for their own.
 */
export class DistributedSingleFlight {
  readonly #cache: SharedCache | undefined;
  readonly #clock: NowggClock;
  readonly #maxAgeMs: number;
  readonly #timeoutMs: number;
  readonly #scope: string;

  /** @param scope what the verdicts of this module depend on; modules with another scope see none of them */
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
   * @param provider the one whose verdict this is; another provider's or client's verdict is a miss
   * @param freshMs how old a shared verdict may be; 0 takes none and asks
   * @param ask the question to the identity system itself
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

  /** Forgets what other processes may know of a token. */
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

  /** Undefined when this process has to ask: it got the claim, nobody knows, or the other one took too long. */
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

/** The key already says so; a cache that mixes up its values must not make one client's token good at another. */
function isVerdictOf({ facts }: SharedVerdict, { name, clientKey, tokenTypes }: IdentityProvider): boolean {
  return facts.provider === name && facts.clientKey === clientKey && tokenTypes.includes(facts.tokenType);
}
