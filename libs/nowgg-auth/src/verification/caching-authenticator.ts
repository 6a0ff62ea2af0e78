import type { NowggClock } from '../clock.js';
import { clampRetryAfter } from '../errors.js';
import type { IdentityProvider, IdentityVerdict } from '../identity/identity-provider.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import type { InvalidReason } from '../identity/reasons.js';
import { decodeUnverifiedJws, type UnverifiedJws } from '../identity/unverified-jws.js';
import type { ResolvedNowggAuthOptions } from '../options.js';
import { principalOf, type TokenFacts, type TokenType } from '../principal.js';
import { cacheKey } from './cache-key.js';
import { Flights } from './flights.js';
import { isBearerToken, MAX_TOKEN_LENGTH } from './gate.js';
import { IdentityLine, type Question } from './identity-line.js';
import { NowggAuthenticator } from './nowgg-authenticator.js';
import type { AuthenticationPolicy, Verdict } from './verdict.js';
import { ageMs, instantOf, refusalTtlMs, VerdictCache, type Instant } from './verdict-cache.js';

type VerificationOptions = ResolvedNowggAuthOptions['verification'];

/** What the identity system answered, and when it was asked. */
interface Answer {
  readonly verdict: IdentityVerdict;
  readonly askedAt: Instant;
}

/** Where and as what a token is asked for, found out by looking at it. */
type Destination =
  | { readonly provider: IdentityProvider; readonly tokenType: TokenType; readonly looksGood: boolean }
  | { readonly refuse: InvalidReason };

const NO_POLICY: AuthenticationPolicy = Object.freeze({});

/**
 * Answers from memory where a fresh verdict is at hand, else asks the identity system, once for all who want to know.
 * What is remembered are facts; whether they do for this route and this moment is decided anew on every call.
 */
export class CachingAuthenticator extends NowggAuthenticator {
  readonly #providers: IdentityProviders;
  readonly #options: VerificationOptions;
  readonly #clock: NowggClock;
  readonly #cache: VerdictCache;
  readonly #flights = new Flights<Answer>();
  readonly #lines: ReadonlyMap<string, IdentityLine>;

  constructor(providers: IdentityProviders, options: VerificationOptions, clock: NowggClock) {
    super();
    this.#providers = providers;
    this.#options = options;
    this.#clock = clock;
    this.#cache = new VerdictCache(options);
    this.#lines = new Map(
      [...providers].map((provider) => [provider.name, new IdentityLine(provider, clock, options.timeoutMs)]),
    );
  }

  override authenticate(credential: string, policy: AuthenticationPolicy = NO_POLICY): Verdict | Promise<Verdict> {
    // Only the length here: a hit proves the characters, since nothing else gets into the cache.
    if (credential.length > MAX_TOKEN_LENGTH) return invalid('malformed_token');
    const key = cacheKey(policy, credential);
    return this.#fromMemory(key, policy) ?? this.#ask(key, credential, policy);
  }

  #fromMemory(key: string, policy: AuthenticationPolicy): Verdict | undefined {
    const entry = this.#cache.accepted.get(key);
    const maxAgeMs = this.#maxAgeMs(policy);
    if (entry) return ageMs(entry.askedAt, this.#clock) < maxAgeMs ? this.#decide(entry.facts, policy) : undefined;
    const refusal = this.#cache.refused.get(key);
    if (!refusal) return undefined;
    // An expired token cannot come back to life, so even a route that asks now may be told from memory.
    const ttlMs = refusalTtlMs(refusal.reason);
    const serves = refusal.reason === 'expired_token' ? ttlMs : Math.min(ttlMs, maxAgeMs);
    return ageMs(refusal.askedAt, this.#clock) < serves ? invalid(refusal.reason) : undefined;
  }

  /** Whether facts that were once verified do here and now. */
  #decide(facts: TokenFacts, policy: AuthenticationPolicy): Verdict {
    const now = this.#clock.now();
    if (facts.expiresAtMs !== undefined && facts.expiresAtMs <= now) return invalid('expired_token');
    if (!this.#accepts(facts.tokenType, policy)) return invalid('wrong_token_type');
    if (policy.provider !== undefined && policy.provider !== facts.provider) return invalid('wrong_client');
    if (policy.maxAuthAgeMs !== undefined) {
      // A token that does not tell when the player signed in cannot prove that it was recent.
      const signedInAt = facts.authTimeMs ?? Number.NEGATIVE_INFINITY;
      if (now - signedInAt > policy.maxAuthAgeMs) return invalid('expired_token');
    }
    return { status: 'valid', principal: principalOf(facts) };
  }

  async #ask(key: string, token: string, policy: AuthenticationPolicy): Promise<Verdict> {
    if (!isBearerToken(token)) return invalid('malformed_token');
    const destination = this.#destinationOf(token, policy);
    if ('refuse' in destination) return invalid(destination.refuse);
    const { provider, ...rest } = destination;
    const line = this.#lines.get(provider.name) as IdentityLine;
    const question: Question = { key, token, ...rest };
    const ask = async (): Promise<Answer> => ({ askedAt: instantOf(this.#clock), verdict: await line.ask(question) });
    const settle = (answer: Answer) => this.#remember(question, answer);
    const askNow = this.#maxAgeMs(policy) <= 0;
    const answer = await (askNow ? this.#flights.start(key, ask, settle) : this.#flights.join(key, ask, settle));
    const { verdict } = answer;
    if (verdict.status === 'valid') return this.#decide(verdict.facts, policy);
    if (verdict.status === 'invalid') return invalid(verdict.reason);
    return (
      this.#staleVerdict(key, policy) ?? {
        status: 'unknown',
        reason: verdict.reason,
        retryAfterSeconds: clampRetryAfter((verdict.retryAfterMs ?? 0) / 1000),
      }
    );
  }

  #remember(question: Question, { verdict, askedAt }: Answer): void {
    if (verdict.status === 'valid') {
      this.#cache.refused.delete(question.key);
      this.#cache.accepted.set(question.key, { facts: verdict.facts, askedAt });
    }
    if (verdict.status !== 'invalid') return;
    this.#forget(question.token);
    if (verdict.reason === 'expired_token' || verdict.reason === 'invalid_token') {
      this.#cache.refused.set(question.key, { reason: verdict.reason, askedAt });
    }
  }

  /** Drops what is known about a token under every demand that a route can make, and distrusts older questions. */
  #forget(token: string): void {
    const names = [undefined, ...[...this.#providers].map((provider) => provider.name)];
    for (const provider of names) {
      for (const tokenType of [undefined, 'token', 'id_token'] as const) {
        const key = cacheKey({ provider, tokenType }, token);
        this.#cache.accepted.delete(key);
        this.#flights.invalidate(key);
      }
    }
  }

  /** In an outage an older verdict may go on serving, inside its bounds. */
  #staleVerdict(key: string, policy: AuthenticationPolicy): Verdict | undefined {
    const maxAgeMs = this.#maxAgeMs(policy);
    const entry = policy.allowStale === false || maxAgeMs <= 0 ? undefined : this.#cache.accepted.get(key);
    const inBounds = entry && ageMs(entry.askedAt, this.#clock) < maxAgeMs + this.#options.staleIfErrorMs;
    return inBounds ? this.#decide(entry.facts, policy) : undefined;
  }

  #destinationOf(token: string, policy: AuthenticationPolicy): Destination {
    const jws = decodeUnverifiedJws(token);
    const provider = this.#providerOf(jws, policy);
    // With several providers an opaque token is sent to none: it could be another system's secret.
    if (!provider) return { refuse: jws ? 'wrong_client' : 'invalid_token' };
    const inspection = provider.inspect(jws, this.#clock.now());
    if (inspection.action === 'refuse') return { refuse: inspection.reason };
    const tokenType = inspection.tokenType ?? policy.tokenType ?? this.#defaultTokenType(provider);
    if (!this.#accepts(tokenType, policy) || !provider.tokenTypes.includes(tokenType)) {
      return { refuse: 'wrong_token_type' };
    }
    return { provider, tokenType, looksGood: jws !== undefined && provider.recognises(jws) };
  }

  #providerOf(jws: UnverifiedJws | undefined, policy: AuthenticationPolicy): IdentityProvider | undefined {
    if (policy.provider !== undefined) return this.#providers.get(policy.provider);
    return this.#providers.only() ?? (jws && this.#providers.findRecognising(jws));
  }

  #defaultTokenType(provider: IdentityProvider): TokenType {
    const accepted = provider.tokenTypes.find((tokenType) => this.#options.acceptTokenTypes.includes(tokenType));
    return accepted ?? 'token';
  }

  #accepts(tokenType: TokenType, policy: AuthenticationPolicy): boolean {
    return policy.tokenType === undefined
      ? this.#options.acceptTokenTypes.includes(tokenType)
      : policy.tokenType === tokenType;
  }

  /** A route may only tighten. */
  #maxAgeMs(policy: AuthenticationPolicy): number {
    const own = this.#options.maxAgeMs;
    return policy.maxAgeMs === undefined ? own : Math.min(own, policy.maxAgeMs);
  }
}

function invalid(reason: InvalidReason): Verdict {
  return { status: 'invalid', reason };
}
