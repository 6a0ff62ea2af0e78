import type { NowggClock } from '../clock.js';
import type { IdentityProvider } from '../identity/identity-provider.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import { decodeUnverifiedJws } from '../identity/unverified-jws.js';
import type { ResolvedVerificationOptions } from '../options/options.js';
import { PresentCallers } from '../resilience/present-callers.js';
import { SingleFlight } from '../resilience/single-flight.js';
import type { TokenOwners } from '../revocation/issued-tokens.js';
import type { DistributedSingleFlight, SharedVerdictUse } from './cache/distributed-single-flight.js';
import { questionKey } from './cache/verdict-cache.js';
import { VerificationResult, type VerificationRequest } from './decision/verification-result.js';
import type { ClientEvidence, ClientEvidences } from './evidence/client-evidence.js';
import type { GrantedScopes } from './granted-scopes.js';
import type { CallRates } from './remote/call-rates.js';
import { ProviderClient } from './remote/provider-client.js';
import type { Case, VerdictFreshness } from './verdict-freshness.js';
import type { VerdictMemory } from './verdict-memory.js';

interface RemoteVerificationParts {
  readonly providers: IdentityProviders;
  readonly options: ResolvedVerificationOptions;
  readonly clock: NowggClock;
  readonly memory: VerdictMemory;
  readonly freshness: VerdictFreshness;
  readonly shared: DistributedSingleFlight;
  readonly evidence: ClientEvidences;
  readonly scopes: GrantedScopes;
  readonly tokenOwners: TokenOwners | undefined;
  readonly rates: CallRates | undefined;
}

/**
 * Verifies tokens by a request to their identity system, one for all concurrent callers in all processes that share a
 * cache, and remembers what it answers.
 */
export class RemoteVerification {
  readonly #parts: RemoteVerificationParts;
  readonly #flights = new SingleFlight<VerificationResult>();
  readonly #callers = new PresentCallers();
  readonly #lines: ReadonlyMap<string, ProviderClient>;

  constructor(parts: RemoteVerificationParts) {
    this.#parts = parts;
    this.#lines = new Map([...parts.providers].map((provider) => [provider.name, this.#lineTo(provider)]));
  }

  /** What is asked about a token, with what is known here about its player. */
  questionOf(
    { token, digest, key, context, renews = false }: Case,
    {
      tokenType,
      isPlausible,
      local,
      jws,
    }: Pick<VerificationRequest, 'tokenType' | 'isPlausible' | 'jws'> & { readonly local: boolean },
  ): VerificationRequest {
    const asked = { digest, token, tokenType, isPlausible, jws };
    // Verification by computing needs no admission.
    if (local) return asked;
    const accepted = this.#parts.memory.cache.accepted.peek(key);
    const given = context?.source;
    const source = typeof given === 'function' ? given.call(context) : given;
    const player = accepted?.verdict.principal.userId;
    const isGone = () => this.#callers.haveGone(key);
    return { ...asked, known: accepted !== undefined, player, source, isRenewal: renews, isGone };
  }

  /** Joins the request under way about the token, or sends one; a recent failure to answer is remembered. */
  ask(subject: Case, provider: IdentityProvider, question: VerificationRequest): Promise<VerificationResult> {
    const { key } = subject;
    const { name } = provider;
    const { memory, freshness, scopes, shared } = this.#parts;
    const evidence = this.#parts.evidence.of(name);
    const remembered = memory.unknown(key);
    if (remembered && stillStands(remembered, evidence)) return Promise.resolve(remembered);
    const line = this.#lines.get(name) as ProviderClient;
    const askNow = freshness.maxAgeMs(subject.policy) <= 0;
    const use: SharedVerdictUse = {
      // A verdict that another process shares about a refused token is older than the refusal.
      asksNow: askNow || evidence.isDoubted(question.digest),
      serves: ({ askedAt, lifeMs = 0 }) => freshness.isFresh(subject, askedAt, lifeMs),
      keepOlder: (older) => memory.keepOlder(key, provider, question, scopes.unlooked(older)),
    };
    const former = () => memory.acceptance(question.digest, { provider: name, askedAs: question.tokenType });
    const askLine = async (onSent: () => void) => {
      const asked = await this.#ownersAnswer(key, name, question, line.ask(this.#withPlayer(question), onSent));
      const answer = await scopes.complete(name, question, asked, former);
      memory.determineLife(provider, question, answer);
      return answer;
    };
    const sharedKey = questionKey(name, question);
    const ask = async (onSent: () => void) => {
      const answer = await shared.ask(sharedKey, provider, use, () => askLine(onSent));
      return scopes.complete(name, question, answer, former);
    };
    const settle = (answer: VerificationResult) => {
      const { verdict, source, isVerified } = answer;
      if (verdict.status === 'valid' && source === 'shared' && isVerified) evidence.keepCanary(question, verdict.facts);
      memory.remember(key, provider, question, answer);
    };
    const join = () => (askNow ? this.#flights.joinUnsent(key, ask, settle) : this.#flights.join(key, ask, settle));
    return this.#callers.during(key, () => subject.context?.hasGone?.() ?? false, join);
  }

  /** Names the player of a token that was accepted for another route, or by another process. */
  #withPlayer(question: VerificationRequest): VerificationRequest {
    const known = question.known ? undefined : this.#parts.memory.acceptance(question.digest);
    return known ? { ...question, known: true, player: known.verdict.principal.userId } : question;
  }

  /** Checks that the first acceptance of a token that does not name its user names the user for whom it was refreshed here. */
  async #ownersAnswer(
    key: string,
    provider: string,
    { token }: VerificationRequest,
    asked: Promise<VerificationResult>,
  ): Promise<VerificationResult> {
    const answer = await asked;
    const { verdict, askedAt } = answer;
    const owners = this.#parts.tokenOwners;
    if (!owners || verdict.status !== 'valid' || this.#parts.memory.cache.accepted.has(key)) return answer;
    // The user that a JWS names was compared when the token was refreshed.
    if (
      namesUser(this.#parts.providers.get(provider), token) ||
      (await owners.confirm(provider, token, verdict.facts.userId))
    )
      return answer;
    return new VerificationResult(
      { status: 'invalid', reason: 'revoked_token', independentOfClient: true, isOwnFinding: true },
      askedAt,
      'miss',
    );
  }

  /** Distrusts the request under way about a token. */
  invalidate(key: string): void {
    this.#flights.invalidate(key);
  }

  #lineTo(provider: IdentityProvider): ProviderClient {
    const { clock, options, evidence, memory, rates } = this.#parts;
    const knowledge = {
      evidence: evidence.of(provider.name),
      playerOf: (digest: string) => memory.acceptance(digest)?.verdict.principal.userId,
    };
    return new ProviderClient(provider, clock, options, knowledge, rates?.of(provider.name));
  }
}

/** Whether a token itself names its user: such a token contradicts a grant of no user. */
function namesUser(provider: IdentityProvider, token: string): boolean {
  const jws = decodeUnverifiedJws(token);
  return jws !== undefined && provider.contradicts(jws, { userId: '' });
}

/** A refusal that was not believed because of the client secret is forgotten when the secret is accepted. */
function stillStands({ verdict, askedAt }: VerificationResult, evidence: ClientEvidence): boolean {
  const isAboutSecret = verdict.status === 'unknown' && verdict.reason === 'own_credentials_suspect';
  return !isAboutSecret || evidence.standsAt(askedAt.monotonicMs);
}
