import { principalOf, type TokenFacts } from '../principal.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import type { AuthenticationPolicy, Verdict } from '../verification/decision/verdict.js';

/** Facts about a player, as short as a test wants them. */
export function factsOf(userId: string, more: Partial<TokenFacts> = {}): TokenFacts {
  return {
    provider: 'nowgg',
    clientKey: 'k',
    tokenType: 'token',
    userId,
    issuer: 'https://now.gg',
    scopes: Object.freeze(['email']),
    claims: Object.freeze({}),
    ...more,
  };
}

/** Knows the tokens that a test tells it. Says `later-…` by a promise, the rest at once. */
export class FakeAuthenticator extends NowggAuthenticator {
  readonly calls: { token: string; policy: AuthenticationPolicy | undefined }[] = [];
  readonly verdicts = new Map<string, Verdict>([
    ['good', { status: 'valid', principal: principalOf(factsOf('u1')) }],
    ['later-good', { status: 'valid', principal: principalOf(factsOf('u2', { email: 'a@b.example' })) }],
    ['expired', { status: 'invalid', reason: 'expired_token' }],
    ['later-revoked', { status: 'invalid', reason: 'revoked_token' }],
    ['unasked', { status: 'unknown', reason: 'timeout', retryAfterSeconds: 7 }],
    ['later-unasked', { status: 'unknown', reason: 'timeout', retryAfterSeconds: 9 }],
  ]);

  /** What it says about all other tokens. */
  verdict: (token: string, provider: string) => Verdict = () => ({ status: 'invalid', reason: 'invalid_token' });

  override authenticate(credential: string, policy?: AuthenticationPolicy): Verdict | Promise<Verdict> {
    this.calls.push({ token: credential, policy });
    const verdict = this.verdicts.get(credential) ?? this.verdict(credential, policy?.provider ?? '');
    return credential.startsWith('later-') ? Promise.resolve(verdict) : verdict;
  }
}
