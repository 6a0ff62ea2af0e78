import type { NowggClock } from '../clock.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import type { ResolvedRevocationOptions } from '../options/options.js';
import type { NowggPrincipal } from '../principal.js';
import type { IssuedTokens } from '../revocation/issued-tokens.js';
import type { RevocationView } from '../revocation/revocation-feed.js';
import { NEVER_BEGUN } from '../revocation/marks/watermarks.js';
import type { AuthenticationPolicy, Verdict } from './decision/verdict.js';

/** Verdict when revocations, or data that they depend on, could not be read: neither refused nor accepted. */
export const REVOCATIONS_UNKNOWN: Verdict = Object.freeze({
  status: 'unknown',
  reason: 'revocations_unknown',
  retryAfterSeconds: 2,
});

const NEWEST = Number.POSITIVE_INFINITY;

interface RevocationStandingParts {
  readonly revocations: RevocationView;
  readonly options: ResolvedRevocationOptions;
  readonly issuedTokens: IssuedTokens | undefined;
  readonly providers: IdentityProviders;
  readonly clock: NowggClock;
}

/** Rules for verification while revocations are not known, and for tokens that may be newer than a revocation. */
export class RevocationStanding {
  readonly #parts: RevocationStandingParts;

  constructor(parts: RevocationStandingParts) {
    this.#parts = parts;
  }

  /**
   * The answer of a route while revocations are not current; undefined when the route uses those known so far.
   *
   * @param maxAgeMs maximum age of a verdict on this route
   */
  obstacleTo(policy: AuthenticationPolicy, maxAgeMs: number): Verdict | undefined {
    const { revocations, options } = this.#parts;
    const { beforeFirstLoad, onUnknown } = options;
    if (!revocations.isLoaded) return beforeFirstLoad === 'refuse' ? REVOCATIONS_UNKNOWN : undefined;
    const isStrict = onUnknown === 'refuse' || policy.allowStale === false || maxAgeMs <= 0;
    return isStrict ? REVOCATIONS_UNKNOWN : undefined;
  }

  /** Whether a refused token could be newer than the mark that refuses it: a ban refuses new tokens too. */
  mayBeNewer(principal: NowggPrincipal, digest: string): boolean {
    const { issuedTokens, revocations, clock } = this.#parts;
    return issuedTokens !== undefined && !revocations.refuses(principal, digest, clock.now(), NEWEST);
  }

  /** Looks up when the token's exchange or refresh began; undefined when the look-up fails. */
  async findBegunAt({ provider }: NowggPrincipal, token: string): Promise<number | undefined> {
    try {
      const { providers, issuedTokens } = this.#parts;
      const credentialId = providers.get(provider).credentialIdOf(token);
      return (await issuedTokens?.findBegunAt(provider, credentialId)) ?? NEVER_BEGUN;
    } catch {
      return undefined;
    }
  }
}
