import type { NowggClock } from '../clock.js';
import type { IdentityProvider } from '../identity/identity-provider.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import type { ResolvedVerificationOptions } from '../options.js';
import type { RevocationView } from '../revocation/revocation-feed.js';
import { decodeUnverifiedJws } from '../identity/unverified-jws.js';
import { Answer } from './answer.js';
import { cacheKey, everyCacheKey, tokenDigest } from './cache-key.js';
import { decide, decideAnswer, type Grounds } from './decide.js';
import { acceptsTokenType, destinationOf } from './destination.js';
import { explanationOf, rememberedOf, type VerdictExplanation } from './explanation.js';
import { Flights } from './flights.js';
import { MAX_TOKEN_LENGTH } from './gate.js';
import { IdentityLine, type Question } from './identity-line.js';
import { LocalVerification } from './local-verification.js';
import { NowggAuthenticator } from './nowgg-authenticator.js';
import { SharedAsking } from './shared-asking.js';
import type { SharedCache } from './shared-cache.js';
import type { TokenOwners } from './token-owners.js';
import { type AuthenticationPolicy, invalid, type Verdict } from './verdict.js';
import {
  ageMs,
  type Instant,
  instantOf,
  refusalTtlMs,
  RememberedAcceptance,
  RENEW_AT,
  VerdictCache,
} from './verdict-cache.js';
import { publishVerification, type VerdictSource, verificationChannel } from './verification-events.js';

/** What a {@link CachingAuthenticator} is made of. */
export interface CachingAuthenticatorParts {
  readonly providers: IdentityProviders;
  readonly options: ResolvedVerificationOptions;
  readonly clock: NowggClock;
  readonly revocations: RevocationView;
  readonly sharedCache?: SharedCache | undefined;
  /** Knows for whom opaque tokens were refreshed. Absent without a token store. */
  readonly tokenOwners?: TokenOwners | undefined;
}

/** One token under one route's demands. */
interface Case {
  readonly token: string;
  readonly digest: string;
  readonly key: string;
  readonly policy: AuthenticationPolicy;
}

const NO_POLICY: AuthenticationPolicy = Object.freeze({});

/**
 * Answers from memory where a fresh verdict is at hand, else asks the identity system, once for all who want to know.
 * What is remembered are facts; whether they do for this route and this moment is decided anew on every call.
 */
export class CachingAuthenticator extends NowggAuthenticator {
  readonly #providers: IdentityProviders;
  readonly #options: ResolvedVerificationOptions;
  readonly #clock: NowggClock;
  readonly #revocations: RevocationView;
  readonly #cache: VerdictCache;
  readonly #flights = new Flights<Answer>();
  readonly #local: LocalVerification;
  readonly #shared: SharedAsking;
  readonly #lines: ReadonlyMap<string, IdentityLine>;
  readonly #grounds: Grounds;
  readonly #tokenOwners: TokenOwners | undefined;

  constructor({ providers, options, clock, revocations, sharedCache, tokenOwners }: CachingAuthenticatorParts) {
    super();
    this.#tokenOwners = tokenOwners;
    this.#providers = providers;
    this.#options = options;
    this.#clock = clock;
    this.#revocations = revocations;
    this.#grounds = { revocations, acceptTokenTypes: options.acceptTokenTypes };
    this.#cache = new VerdictCache(options);
    this.#local = new LocalVerification(clock, options.timeoutMs, (...args) => this.#remember(...args));
    this.#shared = new SharedAsking(sharedCache, clock, options, providers.verdictScope);
    this.#lines = new Map(
      [...providers].map((provider) => [provider.name, new IdentityLine(provider, clock, options)]),
    );
  }

  override authenticate(token: string, policy: AuthenticationPolicy = NO_POLICY): Verdict | Promise<Verdict> {
    // Only the length here: a hit proves the characters, since nothing else gets into the cache.
    if (token.length > MAX_TOKEN_LENGTH) return invalid('malformed_token');
    const digest = tokenDigest(token);
    const key = cacheKey(policy, digest);
    const known = this.#fromMemory(key, digest, policy, token);
    if (known === undefined) return this.#find({ token, digest, key, policy });
    if (verificationChannel.hasSubscribers) publishVerification(known, 'hit', digest);
    return known;
  }

  override async explain(token: string, policy: AuthenticationPolicy = NO_POLICY): Promise<VerdictExplanation> {
    const remembered = rememberedOf(this.#cache, cacheKey(policy, tokenDigest(token)), instantOf(this.#clock));
    const verdict = await this.authenticate(token, policy);
    return explanationOf(token, verdict, { providers: this.#providers, remembered });
  }

  #fromMemory(key: string, digest: string, policy: AuthenticationPolicy, token: string): Verdict | undefined {
    const monotonicMs = this.#clock.monotonicNow();
    // With news of bans too old, memory proves nothing.
    if (!this.#revocations.isCurrentAt(monotonicMs)) return undefined;
    const entry = this.#cache.accepted.get(key);
    if (!entry) return this.#refusalFromMemory(key, policy);
    const nowMs = this.#clock.now();
    if (policy === NO_POLICY && nowMs < entry.quietUntilMs && monotonicMs - entry.monotonicMs < entry.renewAfterMs) {
      const { verdict } = entry;
      return this.#revocations.refuses(verdict.principal, entry.identity, nowMs) ? invalid('revoked_token') : verdict;
    }
    const age = ageMs(entry, nowMs, monotonicMs);
    if (age >= this.#maxAgeMs(policy)) return undefined;
    if (age >= entry.renewAfterMs && age >= entry.restUntilMs) this.#renew({ token, digest, key, policy });
    return decide(entry.verdict, entry.identity, policy, nowMs, this.#grounds);
  }

  #refusalFromMemory(key: string, policy: AuthenticationPolicy): Verdict | undefined {
    const refusal = this.#cache.refused.get(key);
    if (!refusal) return undefined;
    // An expired token cannot come back to life, so even a route that asks now may be told from memory.
    const ttlMs = refusalTtlMs(refusal.reason);
    const serves = refusal.reason === 'expired_token' ? ttlMs : Math.min(ttlMs, this.#maxAgeMs(policy));
    return this.#ageMs(refusal.askedAt) < serves ? invalid(refusal.reason) : undefined;
  }

  #find(subject: Case): Promise<Verdict> {
    const { token, digest, policy } = subject;
    const startedAtMs = verificationChannel.hasSubscribers ? this.#clock.monotonicNow() : undefined;
    const { acceptTokenTypes } = this.#options;
    const destination = destinationOf(token, policy, this.#providers, acceptTokenTypes, this.#clock);
    if ('refuse' in destination) {
      const refused = invalid(destination.refuse);
      publishVerification(refused, 'none', digest);
      return Promise.resolve(refused);
    }
    const { provider, tokenType, looksGood, local } = destination;
    const rested = this.#isResting(subject) ? this.#staleVerdict(subject) : undefined;
    if (rested) return Promise.resolve(this.#publish(rested, 'stale', subject, provider.name, startedAtMs));
    const question: Question = { digest, token, tokenType, looksGood };
    // What is computed here is had sooner than another process's answer.
    const asked = local ? this.#verifyHere(subject, provider, question) : this.#ask(subject, provider, question);
    return asked.then((answer) => {
      const stale = answer.verdict.status === 'unknown' ? this.#staleVerdict(subject, 'rest') : undefined;
      const identity = () => answer.identityOf(provider, token);
      const verdict = stale ?? decideAnswer(answer, identity, policy, this.#clock.now(), this.#grounds);
      return this.#publish(verdict, stale ? 'stale' : answer.source, subject, provider.name, startedAtMs);
    });
  }

  /** @param startedAtMs undefined when nobody listened then */
  #publish(
    verdict: Verdict,
    source: VerdictSource,
    { digest }: Case,
    provider: string,
    startedAtMs: number | undefined,
  ): Verdict {
    if (startedAtMs !== undefined) {
      publishVerification(verdict, source, digest, { provider, latencyMs: this.#clock.monotonicNow() - startedAtMs });
    }
    return verdict;
  }

  /**
   * Whether the last question about this token had no answer a moment ago. A flapping identity system is not asked more
   * often than a healthy one: an old verdict that may serve does, and a route that wants a fresher one asks.
   */
  #isResting({ key, policy }: Case): boolean {
    const entry = this.#cache.accepted.get(key);
    if (!entry || this.#maxAgeMs(policy) < this.#options.maxAgeMs) return false;
    return this.#ageMs(entry) < entry.restUntilMs;
  }

  #ask({ key, policy }: Case, provider: IdentityProvider, question: Question): Promise<Answer> {
    const line = this.#lines.get(provider.name) as IdentityLine;
    const askLine = () => this.#ownersAnswer(key, provider.name, question, line.ask(question));
    const ask = () => this.#shared.ask(key, provider, this.#sharedMaxAgeMs(policy), askLine);
    const settle = (answer: Answer) => this.#remember(key, provider, question, answer);
    const askNow = this.#maxAgeMs(policy) <= 0;
    return askNow ? this.#flights.start(key, ask, settle) : this.#flights.join(key, ask, settle);
  }

  /** The first yes about an opaque token must name the user for whom it was refreshed here. */
  async #ownersAnswer(key: string, provider: string, { token }: Question, asked: Promise<Answer>): Promise<Answer> {
    const answer = await asked;
    const { verdict, askedAt } = answer;
    const owners = this.#tokenOwners;
    if (!owners || verdict.status !== 'valid' || this.#cache.accepted.has(key)) return answer;
    // What a JWS says of its user was compared when it was refreshed.
    if (decodeUnverifiedJws(token) || (await owners.confirm(provider, token, verdict.facts.userId))) return answer;
    return new Answer({ status: 'invalid', reason: 'revoked_token', definite: true, finding: true }, askedAt, 'miss');
  }

  #verifyHere({ key, policy }: Case, provider: IdentityProvider, question: Question): Promise<Answer> {
    const verifyNow = this.#maxAgeMs(policy) <= 0;
    return verifyNow ? this.#local.start(key, provider, question) : this.#local.join(key, provider, question);
  }

  #remember(key: string, provider: IdentityProvider, question: Question, answer: Answer): void {
    const { verdict, acceptance, askedAt } = answer;
    if (acceptance) {
      this.#cache.refused.delete(key);
      const { maxAgeMs, acceptTokenTypes } = this.#options;
      const isPlain = acceptsTokenType(acceptance.principal.tokenType, NO_POLICY, acceptTokenTypes);
      const identity = answer.identityOf(provider, question.token);
      this.#cache.accepted.set(key, new RememberedAcceptance(acceptance, { identity, askedAt, maxAgeMs, isPlain }));
    }
    if (verdict.status !== 'invalid') return;
    this.#forget(question.digest);
    if (!verdict.finding && (verdict.reason === 'expired_token' || verdict.reason === 'invalid_token')) {
      this.#cache.refused.set(key, { reason: verdict.reason, askedAt });
    }
  }

  /** Asks again behind the back of the caller, who has his answer already. */
  #renew(subject: Case): void {
    void (async () => this.#find(subject))().catch(() => undefined);
  }

  /** Drops what is known about a token, and distrusts older questions. */
  #forget(digest: string): void {
    const keys = everyCacheKey([...this.#lines.keys()], digest);
    for (const key of keys) {
      this.#cache.accepted.delete(key);
      this.#flights.invalidate(key);
      this.#local.invalidate(key);
    }
    void this.#shared.forget(keys);
  }

  /** In an outage an older verdict may go on serving, inside its bounds. */
  #staleVerdict({ key, policy }: Case, then?: 'rest'): Verdict | undefined {
    const maxAgeMs = this.#maxAgeMs(policy);
    if (policy.allowStale === false || maxAgeMs <= 0 || !this.#hasCurrentRevocations()) return undefined;
    const entry = this.#cache.accepted.get(key);
    if (!entry) return undefined;
    const age = this.#ageMs(entry);
    if (age >= maxAgeMs + this.#options.staleIfErrorMs) return undefined;
    if (then === 'rest') entry.restUntilMs = age + this.#options.maxAgeMs * RENEW_AT;
    return decide(entry.verdict, entry.identity, policy, this.#clock.now(), this.#grounds);
  }

  /** How old another process's verdict may be: with news of bans too old, none serves. */
  #sharedMaxAgeMs(policy: AuthenticationPolicy): number {
    return this.#hasCurrentRevocations() ? this.#maxAgeMs(policy) : 0;
  }

  #hasCurrentRevocations(): boolean {
    return this.#revocations.isCurrentAt(this.#clock.monotonicNow());
  }

  #ageMs(since: Instant): number {
    const { wallMs, monotonicMs } = instantOf(this.#clock);
    return ageMs(since, wallMs, monotonicMs);
  }

  /** A route may only tighten. */
  #maxAgeMs(policy: AuthenticationPolicy): number {
    const own = this.#options.maxAgeMs;
    return policy.maxAgeMs !== undefined && policy.maxAgeMs < own ? policy.maxAgeMs : own;
  }
}
