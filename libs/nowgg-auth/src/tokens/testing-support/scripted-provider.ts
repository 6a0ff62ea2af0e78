import {
  type CodeExchangeRequest,
  IdentityProvider,
  type IdentityVerdict,
  type Inspection,
  type TokenOutcome,
  type TokenSet,
} from '../../identity/identity-provider.js';
import { principalOf, type TokenType } from '../../principal.js';
import { NowggAuthenticator } from '../../verification/nowgg-authenticator.js';
import type { Verdict } from '../../verification/decision/verdict.js';
import type { ManualClock } from '../../testing-support/manual-clock.js';

type Answer = TokenOutcome | Promise<TokenOutcome>;

/** An identity provider whose next answers a test scripts; without a script it hands out tokens. */
export class ScriptedProvider extends IdentityProvider {
  override readonly tokenTypes: readonly TokenType[] = ['token'];
  /** Codes and refresh tokens that were sent. */
  readonly codes: string[] = [];
  readonly refreshTokens: string[] = [];
  readonly revoked: string[] = [];
  readonly answers: (Answer | (() => Answer))[] = [];
  lifeMs: number | undefined = 3_600_000;
  /** Sent along with a refreshed access token; undefined for a system that keeps the old one. */
  nextRefreshToken: string | undefined;
  readonly #clock: ManualClock;
  #issued = 0;

  constructor(
    clock: ManualClock,
    override readonly name = 'nowgg',
    override readonly clientKey = `client-of-${name}`,
  ) {
    super();
    this.#clock = clock;
  }

  /** A token set as this provider would send it. */
  issue(refreshToken: string | undefined): TokenSet {
    this.#issued += 1;
    const accessTokenExpiresAtMs = this.lifeMs === undefined ? undefined : this.#clock.now() + this.lifeMs;
    return { accessToken: `access-${this.#issued}`, accessTokenExpiresAtMs, refreshToken };
  }

  override recognises(): boolean {
    return true;
  }

  override inspect(): Inspection {
    return { action: 'ask', tokenType: 'token' };
  }

  override verify(): Promise<IdentityVerdict> {
    throw new Error('the token service asks the authenticator, never the provider');
  }

  override async exchangeCode({ code }: CodeExchangeRequest): Promise<TokenOutcome> {
    this.codes.push(code);
    return this.#next('refresh-1');
  }

  override async refresh(refreshToken: string): Promise<TokenOutcome> {
    this.refreshTokens.push(refreshToken);
    return this.#next(this.nextRefreshToken);
  }

  override async revoke(refreshToken: string): Promise<void> {
    this.revoked.push(refreshToken);
  }

  #next(refreshToken: string | undefined): Answer {
    const answer = this.answers.shift();
    if (typeof answer === 'function') return answer();
    return answer ?? { status: 'tokens', tokens: this.issue(refreshToken) };
  }
}

/** Gives the verdict that a test sets; by default every token is the player's. */
export class ScriptedAuthenticator extends NowggAuthenticator {
  asked = 0;
  userId = 'player-1';
  verdict: (token: string, provider: string) => Verdict = (_token, provider) => ({
    status: 'valid',
    principal: principalOf({
      provider,
      clientKey: `client-of-${provider}`,
      tokenType: 'token',
      userId: this.userId,
      issuer: 'https://now.gg',
      scopes: [],
      sessionId: 'session-1',
      claims: {},
    }),
  });

  override async authenticate(credential: string, policy?: { provider?: string | undefined }): Promise<Verdict> {
    this.asked += 1;
    return this.verdict(credential, policy?.provider ?? '');
  }
}
