import type { NowggClock } from '../clock.js';
import type { IdentityProvider } from '../identity/identity-provider.js';
import type { UnknownReason } from '../identity/reasons.js';
import type { ResolvedVerificationOptions } from '../options/options.js';
import type { TokenType } from '../principal.js';
import type { RevocationView } from '../revocation/revocation-feed.js';
import {
  VerificationResult,
  ageMs,
  type Instant,
  instantOf,
  type VerificationRequest,
} from './decision/verification-result.js';
import type { Confidence } from './cache/confidence.js';
import { everyCacheKey, refusalTtlMs, RememberedAcceptance, VerdictCache } from './cache/verdict-cache.js';
import { aheadMs } from './decision/decide.js';
import { acceptsTokenType } from './decision/token-route.js';
import { SECOND_LOOK_MS } from './evidence/refusal-evidence.js';
import { type Acceptance, invalid, NO_POLICY, type Verdict } from './decision/verdict.js';

interface VerdictMemoryParts {
  readonly options: ResolvedVerificationOptions;
  readonly clock: NowggClock;
  readonly revocations: RevocationView;
  readonly confidence: Confidence;
  /** Names of all identity providers: a token may be remembered under the requirements for any of them. */
  readonly providers: readonly string[];
  /** Called with the keys of a token that was forgotten: requests under way about it are older than the reason. */
  readonly onForget: (keys: readonly string[]) => void;
}

/** The verdicts that this process remembers: stores answers, and decides whether they may still serve. */
export class VerdictMemory {
  readonly cache: VerdictCache;
  readonly #parts: VerdictMemoryParts;
  /** What precedes the digest in the keys of acceptances so far: nothing where no route has requirements. */
  readonly #prefixes = new Set(['']);

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

  /**
   * The newest acceptance of a token that is remembered under the requirements of any route.
   *
   * @param to the only request that counts: the provider, and the kind of token that it was asked about. Default: all
   */
  acceptance(
    digest: string,
    to?: { readonly provider: string; readonly askedAs: TokenType },
  ): RememberedAcceptance | undefined {
    let newest: RememberedAcceptance | undefined;
    for (const prefix of this.#prefixes) {
      const entry = this.cache.accepted.peek(prefix === '' ? digest : prefix + digest);
      if (!entry || (newest && entry.monotonicMs <= newest.monotonicMs)) continue;
      if (!to || (entry.verdict.principal.provider === to.provider && entry.askedAs === to.askedAs)) newest = entry;
    }
    return newest;
  }

  /** Remembers an acceptance under a key of the token. */
  accept(key: string, digest: string, entry: RememberedAcceptance): void {
    if (key !== digest) this.#prefixes.add(key.slice(0, -digest.length));
    this.cache.accepted.set(key, entry);
  }

  /** Determines the life of an acceptance that the identity system has just given. */
  determineLife(
    provider: IdentityProvider,
    { digest, tokenType: askedAs }: VerificationRequest,
    answer: VerificationResult,
  ): void {
    if (answer.verdict.status !== 'valid') return;
    const former = this.acceptance(digest, { provider: provider.name, askedAs });
    answer.lifeMs = this.#parts.confidence.lifeMs(provider, answer.askedAt, former);
  }

  /** Remembers another process's acceptance that may serve only in an outage, unless a newer one is known. */
  async keepOlder(
    key: string,
    provider: IdentityProvider,
    question: VerificationRequest,
    answer: VerificationResult,
  ): Promise<void> {
    const { acceptance, askedAt } = answer;
    if (!acceptance || this.#isAhead(acceptance)) return;
    // Older revocations may concern the token.
    await this.#parts.revocations.learn(acceptance.principal);
    const known = this.acceptance(question.digest, { provider: provider.name, askedAs: question.tokenType });
    if (known && known.monotonicMs >= askedAt.monotonicMs) return;
    this.accept(key, question.digest, this.#entryOf(acceptance, provider, question, answer));
  }

  /** Whether nothing is known about a token: neither an acceptance nor a refusal, nor that it had no clean answer. */
  isNew(digest: string): boolean {
    const { accepted, refused, unknown } = this.cache;
    return !this.#keysOf(digest).some((key) => accepted.has(key) || refused.has(key) || unknown.has(key));
  }

  remember(key: string, provider: IdentityProvider, question: VerificationRequest, answer: VerificationResult): void {
    const { verdict, acceptance, askedAt } = answer;
    if (acceptance && !this.#isAhead(acceptance)) {
      this.cache.refused.delete(key);
      if (answer.lifeMs === undefined) this.determineLife(provider, question, answer);
      const entry = this.#entryOf(acceptance, provider, question, answer);
      entry.begunAtMs = this.#stillNewer(key);
      this.accept(key, question.digest, entry);
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

  /** A token that was issued ahead of our clock is not remembered: the next request with it decides anew. */
  #isAhead(acceptance: Acceptance): boolean {
    const { clock, options } = this.#parts;
    return aheadMs(acceptance, clock.now(), options.clockSkewMs) > 0;
  }

  #entryOf(
    acceptance: Acceptance,
    provider: IdentityProvider,
    question: VerificationRequest,
    answer: VerificationResult,
  ): RememberedAcceptance {
    const { maxAgeMs, acceptTokenTypes } = this.#parts.options;
    const { lifeMs = maxAgeMs, askedAt } = answer;
    return new RememberedAcceptance(acceptance, {
      identity: answer.identityOf(provider, question),
      askedAs: question.tokenType,
      askedAt,
      lifeMs,
      hasGrown: lifeMs > maxAgeMs,
      isTakenByDefault: acceptsTokenType(acceptance.principal.tokenType, NO_POLICY, acceptTokenTypes),
    });
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
