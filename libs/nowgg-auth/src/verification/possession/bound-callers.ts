import type { NowggClock } from '../../clock.js';
import { InvalidRequestError, NowggConfigurationError } from '../../errors.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import type { IdentityProviders } from '../../identity/identity-providers.js';
import type { ProofFault, ProofsOfPossession, ProvenRequest } from '../../identity/proof-of-possession.js';
import type { SharedCache } from '../cache/shared-cache.js';
import { isBoundCaller, withProvenKey } from '../decision/bound-tokens.js';
import { type AuthenticationContext, type AuthenticationPolicy, NO_POLICY, type Verdict } from '../decision/verdict.js';
import { ProofReplays } from './proof-replays.js';

interface BoundCallersParts {
  /** Decides about the token. */
  readonly authenticator: {
    authenticate(
      token: string,
      policy: AuthenticationPolicy,
      context: AuthenticationContext | undefined,
    ): Promise<Verdict> | Verdict;
  };
  readonly clock: NowggClock;
  readonly sharedCache: SharedCache | undefined;
}

/** A token with the scheme `DPoP`, and its proof. */
export interface PresentedToken extends ProvenRequest {
  /** The header `DPoP`; undefined when it is missing. */
  readonly proof: string | undefined;
  /** Whether the request has several credentials or several proofs. */
  readonly isAmbiguous: boolean;
}

const MISSING: Verdict = refusedProof('missing');

/**
 * Callers whose token is bound to a key (RFC 9449). The proof is checked first, for this request; the decision about the
 * token, cached or not, then demands the key that was proven.
 */
export class BoundCallers {
  readonly #proofs: ProofsOfPossession;
  readonly #parts: BoundCallersParts;
  readonly #replays: ProofReplays;
  /** The uses of the proof of one request, which several guards may decide about. */
  readonly #uses = new WeakMap<object, { readonly proof: string; readonly use: ReturnType<ProofReplays['use']> }>();

  private constructor(proofs: ProofsOfPossession, parts: BoundCallersParts) {
    this.#proofs = proofs;
    this.#parts = parts;
    this.#replays = new ProofReplays(parts.clock, parts.sharedCache);
  }

  /**
   * @returns undefined when no provider accepts such tokens
   * @throws NowggConfigurationError when several do with different settings: an API has one address
   */
  static of(providers: IdentityProviders, parts: BoundCallersParts): BoundCallers | undefined {
    const all = [...providers].flatMap(({ proofs }) => proofs ?? []);
    if (new Set(all.map(({ settings }) => settings)).size > 1) {
      throw new NowggConfigurationError('the option dpop must be the same for all identity providers of a module');
    }
    return all[0] && new BoundCallers(all[0], parts);
  }

  /** The accepted algorithms of proofs, for challenges. */
  get algorithms(): string {
    return this.#proofs.algorithms.join(' ');
  }

  /** The nonce that the next proof must contain; undefined where none is needed. */
  nonce(): string | undefined {
    return this.#proofs.nonce();
  }

  /**
   * @param request identifies the request: its proof counts as used once
   * @throws InvalidRequestError for several credentials or proofs
   */
  async authenticate(
    { proof, isAmbiguous, ...presented }: PresentedToken,
    request: object,
    policy: AuthenticationPolicy = NO_POLICY,
    context?: AuthenticationContext,
  ): Promise<Verdict> {
    if (isAmbiguous) {
      publishSecurityEvent({ type: 'two_credentials' });
      throw new InvalidRequestError();
    }
    if (proof === undefined) return MISSING;
    const finding = await this.#proofs.check(proof, presented);
    if (finding.status === 'refused') return refusedProof(finding.fault);
    const { thumbprint, id, lifeMs } = finding;
    const proven = withProvenKey(policy, thumbprint);
    const verdict = await this.#parts.authenticator.authenticate(presented.token, proven, context);
    // A token that is not bound is a bearer token: RFC 9449 section 7.1 forbids the scheme for it.
    const isAccepted = verdict.status === 'valid';
    if (isAccepted && !isBoundCaller(verdict.principal)) return { status: 'invalid', reason: 'invalid_token' };
    // Only proofs of good tokens are remembered, so that garbage fills nothing. A ban is told to the holder of the key.
    const isTold = verdict.status === 'invalid' && verdict.reason === 'user_banned';
    if (!isAccepted && !isTold) return verdict;
    const use = await this.#useOnce(request, proof, { thumbprint, id, lifeMs });
    if (use === 'full') return { status: 'unknown', reason: 'overloaded', retryAfterSeconds: 1 };
    return use === 'replayed' ? refusedProof('replayed') : verdict;
  }

  async #useOnce(
    request: object,
    proof: string,
    { thumbprint, id, lifeMs }: { readonly thumbprint: string; readonly id: string; readonly lifeMs: number },
  ): ReturnType<ProofReplays['use']> {
    const known = this.#uses.get(request);
    if (known?.proof === proof) return known.use;
    const use = this.#replays.use(thumbprint, id, lifeMs);
    this.#uses.set(request, { proof, use });
    return use;
  }
}

function refusedProof(fault: ProofFault): Verdict {
  return { status: 'invalid', reason: 'invalid_proof', fault };
}
