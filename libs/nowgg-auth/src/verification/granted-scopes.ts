import type { NowggClock } from '../clock.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import { withScopes } from '../principal.js';
import { CallerWait, Deadlines } from '../resilience/deadlines.js';
import type { IssuedTokens } from '../revocation/issued-tokens.js';
import type { RememberedAcceptance } from './cache/verdict-cache.js';
import { areScopesUnknown, markScopesUnknown } from './decision/unknown-scopes.js';
import type { AskedToken, VerificationResult } from './decision/verification-result.js';
import type { Acceptance } from './decision/verdict.js';

/** Time that a verification waits for the look-up, in milliseconds: without it, the scopes are not known yet. */
const LOOK_UP_MS = 1_000;
/** Minimum time between two look-ups for a remembered verdict, in milliseconds. */
const RETRY_MS = 1_000;

interface GrantedScopesParts {
  /** Absent without a vault: then no grant here knows any scopes. */
  readonly issuedTokens: IssuedTokens | undefined;
  readonly providers: IdentityProviders;
  readonly clock: NowggClock;
}

/**
 * Scopes of access tokens about which the identity system states none, such as opaque tokens that userinfo verifies: those
 * that were granted when a grant of this application got the token. Looked up after the identity system has accepted the
 * token. If that fails, they are unknown, never empty.
 */
export class GrantedScopes {
  readonly #parts: GrantedScopesParts;
  readonly #deadlines: Deadlines;
  readonly #retriedAt = new WeakMap<RememberedAcceptance, number>();

  constructor(parts: GrantedScopesParts) {
    this.#parts = parts;
    this.#deadlines = new Deadlines(parts.clock);
  }

  /**
   * The answer with the granted scopes, if it states none and a grant knows them.
   *
   * @param former the verdict that is remembered about the token
   */
  complete(
    provider: string,
    question: AskedToken,
    answer: VerificationResult,
    former: () => RememberedAcceptance | undefined,
  ): VerificationResult | Promise<VerificationResult> {
    const { verdict } = answer;
    const isOpen = verdict.status === 'valid' && verdict.facts.areScopesUnstated === true && !answer.areScopesLookedUp;
    return isOpen && this.#parts.issuedTokens ? this.#complete(provider, question, answer, former()) : answer;
  }

  /** The answer that nothing was looked up for: its scopes are unknown, if it states none. */
  unlooked(answer: VerificationResult): VerificationResult {
    const { verdict, acceptance } = answer;
    const isOpen = verdict.status === 'valid' && verdict.facts.areScopesUnstated === true && !answer.areScopesLookedUp;
    if (isOpen && acceptance && this.#parts.issuedTokens) markScopesUnknown(acceptance.principal);
    return answer;
  }

  /** Looks the unknown scopes of a remembered verdict up again, in the background. */
  retry(entry: RememberedAcceptance, token: string): void {
    const now = this.#parts.clock.monotonicNow();
    if (now - (this.#retriedAt.get(entry) ?? Number.NEGATIVE_INFINITY) < RETRY_MS) return;
    this.#retriedAt.set(entry, now);
    void this.#settle(entry, token).catch(() => undefined);
  }

  async #settle(entry: RememberedAcceptance, token: string): Promise<void> {
    const { principal } = entry.verdict;
    const scopes = await this.#lookUp(principal.provider, token, principal.userId);
    // Without a grant the token has no scopes, which is now known.
    entry.settleScopes(Object.freeze({ status: 'valid', principal: withScopes(principal, scopes ?? []) }));
  }

  async #complete(
    provider: string,
    { token }: AskedToken,
    answer: VerificationResult,
    former: RememberedAcceptance | undefined,
  ): Promise<VerificationResult> {
    const { userId } = (answer.acceptance as Acceptance).principal;
    const known = scopesOf(former, userId);
    answer.areScopesLookedUp = true;
    if (known && known.length > 0) return answer.withScopes(known);
    try {
      const scopes = await this.#lookUp(provider, token, userId);
      return scopes === undefined ? answer : answer.withScopes(scopes);
    } catch {
      if (!known) markScopesUnknown((answer.acceptance as Acceptance).principal);
      return answer;
    }
  }

  /** @throws when the vault cannot be asked, or not in time */
  async #lookUp(provider: string, token: string, userId: string): Promise<readonly string[] | undefined> {
    const { issuedTokens, providers, clock } = this.#parts;
    const credentialId = providers.get(provider).credentialIdOf(token);
    const wait = new CallerWait({ clock, deadlines: this.#deadlines }, LOOK_UP_MS);
    return wait.for((async () => issuedTokens?.findScopes(provider, credentialId, userId))());
  }
}

/** The scopes that are known of a remembered verdict about the same token. */
function scopesOf(former: RememberedAcceptance | undefined, userId: string): readonly string[] | undefined {
  const principal = former?.verdict.principal;
  return principal?.userId === userId && !areScopesUnknown(principal) ? principal.scopes : undefined;
}
