import type { NowggClock } from '../clock.js';
import type { IdentityProvider } from '../identity/identity-provider.js';
import type { UnknownReason } from '../identity/reasons.js';
import type { ResolvedVerificationOptions } from '../options/options.js';
import type { RevocationView } from '../revocation/revocation-feed.js';
import {
  VerificationResult,
  ageMs,
  type Instant,
  instantOf,
  type VerificationRequest,
} from './decision/verification-result.js';
import { everyCacheKey, refusalTtlMs, RememberedAcceptance, VerdictCache } from './cache/verdict-cache.js';
import { aheadMs } from './decision/decide.js';
import { acceptsTokenType } from './decision/token-route.js';
import { SECOND_LOOK_MS } from './evidence/refusal-evidence.js';
import { invalid, NO_POLICY, type Verdict } from './decision/verdict.js';

interface VerdictMemoryParts {
  readonly options: ResolvedVerificationOptions;
  readonly clock: NowggClock;
  readonly revocations: RevocationView;
  /** Names of all identity providers: a token may be remembered under the requirements for any of them. */
  readonly providers: readonly string[];
  /** Called with the keys of a token that was forgotten: requests under way about it are older than the reason. */
  readonly onForget: (keys: readonly string[]) => void;
}

/** The verdicts that this process remembers: stores answers, and decides whether they may still serve. */
export class VerdictMemory {
  readonly cache: VerdictCache;
  readonly #parts: VerdictMemoryParts;

  constructor(parts: VerdictMemoryParts) {
    this.#parts = parts;
    this.cache = new VerdictCache(parts.options);
  }

  /** @param maxAgeMs maximum age of a verdict on this route */
  refusal(key: string, maxAgeMs: number): Verdict | undefined {
    const refusal = this.cache.refused.get(key);
    if (!refusal) return undefined;
    // An expired token never becomes valid again, so memory may answer even a route that always asks anew.
    const ttlMs = refusalTtlMs(refusal.reason);
    const serves = refusal.reason === 'expired_token' ? ttlMs : Math.min(ttlMs, maxAgeMs);
    return this.ageMs(refusal.askedAt) < serves ? invalid(refusal.reason) : undefined;
  }

  /** The missing verdict that still applies. */
  unknown(key: string): VerificationResult | undefined {
    const unknown = this.cache.unknown.get(key);
    if (!unknown) return undefined;
    const { reason, askedAt, restMs } = unknown;
    const retryAfterMs = restMs - this.ageMs(askedAt);
    return retryAfterMs > 0
      ? new VerificationResult({ status: 'unknown', reason, retryAfterMs }, askedAt, 'miss')
      : undefined;
  }

  /** The remembered acceptance of a token under the requirements of any route. */
  acceptance(digest: string): RememberedAcceptance | undefined {
    for (const key of this.#keysOf(digest)) {
      const entry = this.cache.accepted.peek(key);
      if (entry) return entry;
    }
    return undefined;
  }

  remember(key: string, provider: IdentityProvider, question: VerificationRequest, answer: VerificationResult): void {
    const { verdict, acceptance, askedAt } = answer;
    const { clock, options } = this.#parts;
    // A token that was issued ahead of our clock is not remembered: the next request with it decides anew.
    if (acceptance && aheadMs(acceptance, clock.now(), options.clockSkewMs) === 0) {
      this.cache.refused.delete(key);
      const { maxAgeMs, acceptTokenTypes } = options;
      const isTakenByDefault = acceptsTokenType(acceptance.principal.tokenType, NO_POLICY, acceptTokenTypes);
      const identity = answer.identityOf(provider, question.token);
      const entry = new RememberedAcceptance(acceptance, { identity, askedAt, maxAgeMs, isTakenByDefault });
      entry.begunAtMs = this.#stillNewer(key);
      this.cache.accepted.set(key, entry);
    }
    if (verdict.status === 'unknown') this.#rememberUnknown(key, question.digest, verdict.reason, answer);
    else this.cache.unknown.delete(key);
    if (verdict.status !== 'invalid') return;
    this.#forget(question.digest);
    if (!verdict.isOwnFinding && (verdict.reason === 'expired_token' || verdict.reason === 'invalid_token')) {
      this.cache.refused.set(key, { reason: verdict.reason, askedAt });
    }
  }

  ageMs(since: Instant): number {
    const { wallMs, monotonicMs } = instantOf(this.#parts.clock);
    return ageMs(since, wallMs, monotonicMs);
  }

  /**
   * The time that was looked up for the previous entry, if the token passes with it. Otherwise it is looked up anew: it
   * may have changed.
   */
  #stillNewer(key: string): number | undefined {
    const before = this.cache.accepted.peek(key);
    if (before?.begunAtMs === undefined) return undefined;
    const { clock, revocations } = this.#parts;
    const { principal } = before.verdict;
    const isRefused = revocations.refuses(principal, before.identity, clock.now(), before.begunAtMs);
    return isRefused ? undefined : before.begunAtMs;
  }

  #rememberUnknown(key: string, digest: string, reason: UnknownReason, { askedAt, restMs }: VerificationResult): void {
    if (restMs > 0) this.cache.unknown.set(key, { reason, askedAt, restMs });
    if (reason !== 'unconfirmed_refusal') return;
    for (const each of this.#keysOf(digest)) {
      const entry = this.cache.accepted.peek(each);
      entry?.doubt(this.ageMs(entry), SECOND_LOOK_MS);
    }
  }

  /** Removes the acceptances of a token. */
  #forget(digest: string): void {
    const keys = this.#keysOf(digest);
    for (const key of keys) this.cache.accepted.delete(key);
    this.#parts.onForget(keys);
  }

  #keysOf(digest: string): readonly string[] {
    return everyCacheKey(this.#parts.providers, digest);
  }
}
