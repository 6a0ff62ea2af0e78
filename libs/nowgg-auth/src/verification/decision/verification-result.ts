import { IdentityProvider, type IdentityVerdict, type UnknownVerdict } from '../../identity/identity-provider.js';
import { digestOfCredentialId } from '../../identity/token-text.js';
import type { UnverifiedJws } from '../../identity/unverified-jws.js';
import { type Acceptance, acceptanceOf } from './verdict.js';
import type { NowggClock } from '../../clock.js';
import type { TokenType } from '../../principal.js';

/** An instant on both clocks. */
export interface Instant {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Reads both clocks at the same time. */
export function instantOf(clock: NowggClock): Instant {
  return { wallMs: clock.now(), monotonicMs: clock.monotonicNow() };
}

/**
 * Milliseconds since an instant: the larger value of the two clocks, so that neither a wall clock that was set back nor
 * a machine that slept makes a verdict look younger than it is.
 */
export function ageMs(since: Instant, nowMs: number, monotonicNowMs: number): number {
  const wall = nowMs - since.wallMs;
  const monotonic = monotonicNowMs - since.monotonicMs;
  return wall > monotonic ? wall : monotonic;
}

/** A token that an identity system is asked about. */
export interface AskedToken {
  /** Digest of the token: distinguishes tokens without holding one. */
  readonly digest: string;
  readonly token: string;
  readonly tokenType: TokenType;
  /** Whether the token is a well-formed JWS whose `exp` and `aud` are valid. */
  readonly isPlausible: boolean;
  /** The decoded token, where that was needed before. */
  readonly jws?: UnverifiedJws | undefined;
}

/** A request to an identity system to verify a token. */
export interface VerificationRequest extends AskedToken {
  /** Whether this process has accepted the token before, for {@link player}. */
  readonly known?: boolean;
  readonly player?: string | undefined;
  /** The request's source, as the application names it. */
  readonly source?: string | undefined;
  /** Whether the caller was answered from memory, and the request is about the time after that verdict. */
  readonly isRenewal?: boolean;
  /** Whether every caller that waits for the answer has gone. */
  readonly isGone?: () => boolean;
}

/** The result for a provider that throws: it has not refused the token, and its error may contain what it sent. */
export const NO_ANSWER: UnknownVerdict = Object.freeze({ status: 'unknown', reason: 'invalid_response' });

/** The identity system's answer, and when it was asked. One result serves every caller that waited for it. */
export class VerificationResult {
  readonly verdict: IdentityVerdict;
  /** When the request was sent: the verdict is at least that old. */
  readonly askedAt: Instant;
  readonly source: 'miss' | 'shared';
  /** The verdict of a positive answer when no revocation or requirement of the route refuses it. */
  readonly acceptance: Acceptance | undefined;
  /** Time for which a missing verdict applies to this token, in milliseconds: meanwhile it is not asked about again. */
  readonly restMs: number;
  /** When the token's exchange or refresh began, if that had to be looked up; undefined when the look-up failed. */
  begunAt: Promise<number | undefined> | undefined = undefined;
  /** Whether the identity system was asked about the token. False for an acceptance of one that it has just issued. */
  isVerified = true;
  /** Whether the scopes that the answer does not state were looked up, or an attempt was made. */
  areScopesLookedUp = false;
  /** Time for which an acceptance is used without asking again, see `Confidence`. Undefined until it is determined. */
  lifeMs: number | undefined = undefined;
  #identity: string | undefined;

  constructor(verdict: IdentityVerdict, askedAt: Instant, source: VerificationResult['source'], restMs = 0) {
    this.verdict = verdict;
    this.restMs = restMs;
    this.askedAt = askedAt;
    this.source = source;
    this.acceptance = verdict.status === 'valid' ? acceptanceOf(verdict.facts) : undefined;
  }

  /** The same acceptance with scopes that the answer itself does not state. */
  withScopes(scopes: readonly string[]): VerificationResult {
    if (this.verdict.status !== 'valid') return this;
    const facts = { ...this.verdict.facts, scopes: Object.freeze([...scopes]), areScopesUnstated: undefined };
    const result = new VerificationResult({ status: 'valid', facts }, this.askedAt, this.source, this.restMs);
    result.isVerified = this.isVerified;
    result.lifeMs = this.lifeMs;
    result.areScopesLookedUp = true;
    return result;
  }

  /**
   * The identity under which the token can be revoked: {@link IdentityProvider.credentialIdOf} as 32 one-byte
   * characters. Computed once, for any number of callers that wait for this answer.
   */
  identityOf(provider: IdentityProvider, { token, digest }: Pick<AskedToken, 'token' | 'digest'>): string {
    this.#identity ??= identityOf(provider, { digest, token: () => token });
    return this.#identity;
  }
}

/** See {@link VerificationResult.identityOf}; the text of the token is read only when it is needed. */
export function identityOf(
  provider: IdentityProvider,
  { token, digest }: { readonly digest: string; readonly token: () => string },
): string {
  return isDigest(provider) ? digest : digestOfCredentialId(provider.credentialIdOf(token()));
}

/** Whether tokens of this provider are identified by their whole text, whose digest is known already. */
function isDigest(provider: IdentityProvider): boolean {
  return provider.credentialIdOf === IdentityProvider.prototype.credentialIdOf;
}
