import type { IdentityProvider, IdentityVerdict } from '../../identity/identity-provider.js';
import { digestOfCredentialId } from '../../identity/token-text.js';
import { type Acceptance, acceptanceOf } from './verdict.js';
import type { Instant } from './instant.js';

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
  #identity: string | undefined;

  constructor(verdict: IdentityVerdict, askedAt: Instant, source: VerificationResult['source'], restMs = 0) {
    this.verdict = verdict;
    this.restMs = restMs;
    this.askedAt = askedAt;
    this.source = source;
    this.acceptance = verdict.status === 'valid' ? acceptanceOf(verdict.facts) : undefined;
  }

  /**
   * The identity under which the token can be revoked: {@link IdentityProvider.credentialIdOf} as 32 one-byte
   * characters. Computed once, for any number of callers that wait for this answer.
   */
  identityOf(provider: IdentityProvider, token: string): string {
    this.#identity ??= digestOfCredentialId(provider.credentialIdOf(token));
    return this.#identity;
  }
}
