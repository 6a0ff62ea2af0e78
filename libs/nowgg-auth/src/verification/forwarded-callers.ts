import type { NowggClock } from '../clock.js';
import { InvalidRequestError, NowggConfigurationError } from '../errors.js';
import { publishSecurityEvent } from '../events/security-events.js';
import type { ForwardedIdentities, ForwardedRequest } from '../identity/forwarding/forwarded-identity.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import { tokenDigest } from '../identity/token-text.js';
import type { NowggPrincipal, TokenFacts } from '../principal.js';
import type { RevocationView } from '../revocation/revocation-feed.js';
import { decideAnswer, type DecisionContext } from './decision/decide.js';
import { instantOf, VerificationResult } from './decision/verification-result.js';
import { type Acceptance, type AuthenticationPolicy, invalid, NO_POLICY, type Verdict } from './decision/verdict.js';
import type { BannedCallers } from './decision/banned-callers.js';
import type { RevocationStanding } from './revocation-standing.js';
import { publishVerification } from './verification-events.js';

interface ForwardedCallersParts {
  readonly clock: NowggClock;
  readonly revocations: RevocationView;
  readonly grounds: DecisionContext;
  readonly standing: RevocationStanding;
  /** Undefined where the application does not explain bans. */
  readonly bannedCallers: BannedCallers | undefined;
  /** The maximum age of a verdict on a route. */
  readonly maxAgeMs: (policy: AuthenticationPolicy) => number;
}

interface Source {
  readonly name: string;
  readonly identities: ForwardedIdentities;
}

const forwarded = new WeakSet<NowggPrincipal>();

/** Whether a trusted proxy has authenticated this caller. Such a caller has no token. */
export function isForwarded(principal: NowggPrincipal): boolean {
  return forwarded.has(principal);
}

/** Callers whom a trusted proxy has authenticated: requirements of routes, bans and sign-outs apply as for tokens. */
export class ForwardedCallers {
  readonly #source: Source;
  readonly #parts: ForwardedCallersParts;

  private constructor(source: Source, parts: ForwardedCallersParts) {
    this.#source = source;
    this.#parts = parts;
  }

  /**
   * @returns undefined when no provider accepts such callers
   * @throws NowggConfigurationError when several do: the same headers would name users of each
   */
  static of(providers: IdentityProviders, parts: ForwardedCallersParts): ForwardedCallers | undefined {
    const sources = [...providers].flatMap(({ name, forwarding }) =>
      forwarding ? [{ name, identities: forwarding }] : [],
    );
    if (sources.length > 1) {
      throw new NowggConfigurationError('only one identity provider of a module may have the option forwarded');
    }
    return sources[0] && new ForwardedCallers(sources[0], parts);
  }

  /**
   * The verdict about the caller that the headers name; undefined when they name none that may be believed, so that the
   * bearer token decides.
   *
   * @param request of Node or Express, or Fastify's wrapper around one
   * @throws InvalidRequestError when the proxy's headers are doubled or contradictory
   */
  authenticate(
    request: ForwardedRequest & { readonly raw?: ForwardedRequest },
    policy: AuthenticationPolicy = NO_POLICY,
  ): Verdict | Promise<Verdict> | undefined {
    const { name: provider, identities } = this.#source;
    if (policy.provider !== undefined && policy.provider !== provider) return undefined;
    const reading = identities.read(request.rawHeaders === undefined ? (request.raw ?? request) : request);
    switch (reading.outcome) {
      case 'none':
        return undefined;
      case 'untrusted':
        publishSecurityEvent({ type: 'forwarded_identity_refused', provider, detail: reading.fault });
        return undefined;
      case 'malformed':
        publishSecurityEvent({ type: 'forwarded_identity_refused', provider, detail: 'form' });
        throw new InvalidRequestError('the headers of forwarded authentication contradict each other');
      case 'identity':
        return this.#decide(reading.facts, policy);
    }
  }

  #decide(facts: TokenFacts, policy: AuthenticationPolicy): Verdict | Promise<Verdict> {
    const { clock, revocations, grounds, standing, maxAgeMs, bannedCallers } = this.#parts;
    const instant = instantOf(clock);
    const digest = tokenDigest(JSON.stringify(['forwarded', facts.provider, facts.userId, facts.authTimeMs]));
    const publish = (verdict: Verdict) => {
      publishVerification(verdict, 'none', digest, { provider: facts.provider });
      return verdict;
    };
    if (!revocations.isCurrentAt(instant.monotonicMs)) {
      const obstacle = standing.obstacleTo(policy, maxAgeMs(policy));
      if (obstacle) return publish(obstacle);
    }
    const answer = new VerificationResult({ status: 'valid', facts }, instant, 'miss');
    const { principal } = answer.acceptance as Acceptance;
    forwarded.add(principal);
    const decideNow = () => {
      const verdict = decideAnswer(answer, () => digest, policy, clock.now(), grounds);
      if (verdict.status !== 'invalid' || verdict.reason !== 'user_banned') return publish(verdict);
      const told = bannedCallers?.complete(verdict, { principal, identity: digest, token: undefined });
      if (told === undefined) return publish(invalid('revoked_token'));
      return told instanceof Promise ? told.then(publish) : publish(told);
    };
    // Older revocations may concern a session that lives longer than any token before.
    return revocations.learn(principal)?.then(decideNow) ?? decideNow();
  }
}
