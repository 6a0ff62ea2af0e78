import type { IdentityProvider, IdentityVerdict } from '../../identity/identity-provider.js';
import { digestOfCredentialId } from '../../identity/credential-id.js';
import { type Acceptance, acceptanceOf } from './verdict.js';
import type { Instant } from './instant.js';

/** What the identity system answered, and when it was asked. One serves everybody who waited for it. */
export class VerificationResult {
  readonly verdict: IdentityVerdict;
  /** When the question was sent: what the verdict tells is at least that old. */
  readonly askedAt: Instant;
  readonly source: 'miss' | 'shared';
  /** What a yes comes to where nothing speaks against it. */
  readonly acceptance: Acceptance | undefined;
  /** How long the absence of a verdict stands for this token, milliseconds: until then it is not asked about again. */
  readonly restMs: number;
  /** When the token's exchange or refresh began, where that had to be looked up; undefined when it could not be. */
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
   * Under which the token is revoked: {@link IdentityProvider.credentialIdOf} as 32 one-byte characters. Computed once,
   * however many callers wait for this answer.
   */
  identityOf(provider: IdentityProvider, token: string): string {
    this.#identity ??= digestOfCredentialId(provider.credentialIdOf(token));
    return this.#identity;
  }
}
