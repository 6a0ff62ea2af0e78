import type { CodeExchangeRequest, TokenOutcome, TokenSet } from '../../identity/identity-provider.js';
import { principalOf, type TokenType } from '../../principal.js';
import { FakeAuthenticator, factsOf } from '../../testing-support/fake-authenticator.js';
import { FakeIdentityProvider } from '../../testing-support/fake-identity-provider.js';
import type { ManualClock } from '../../testing-support/manual-clock.js';

type Answer = TokenOutcome | Promise<TokenOutcome>;

/** A provider whose next answers of the token endpoint a test scripts; without a script it hands out tokens. */
export class ScriptedProvider extends FakeIdentityProvider {
  override tokenTypes: readonly TokenType[] = ['token'];
  /** Codes and refresh tokens that were sent. */
  readonly codes: string[] = [];
  readonly refreshTokens: string[] = [];
  /** The signal of the last refresh. */
  lastSignal: AbortSignal | undefined;
  readonly revoked: string[] = [];
  readonly answers: (Answer | (() => Answer))[] = [];
  lifeMs: number | undefined = 3_600_000;
  /** Sent along with a refreshed access token; undefined for a system that keeps the old one. */
  nextRefreshToken: string | undefined;
  readonly #clock: ManualClock;
  #issued = 0;

  constructor(clock: ManualClock, name = 'nowgg', clientKey = `client-of-${name}`) {
    super(name, clientKey);
    this.#clock = clock;
    this.answer = () => {
      throw new Error('the token service asks the authenticator, never the provider');
    };
  }

  /** A token set as this provider would send it. */
  issue(refreshToken: string | undefined): TokenSet {
    this.#issued += 1;
    const accessTokenExpiresAtMs = this.lifeMs === undefined ? undefined : this.#clock.now() + this.lifeMs;
    return { accessToken: `access-${this.#issued}`, accessTokenExpiresAtMs, refreshToken };
  }

  override async exchangeCode({ code }: CodeExchangeRequest): Promise<TokenOutcome> {
    this.codes.push(code);
    return this.#next('refresh-1');
  }

  override async refresh(refreshToken: string, signal?: AbortSignal): Promise<TokenOutcome> {
    this.refreshTokens.push(refreshToken);
    this.lastSignal = signal;
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

/** Accepts every token as one of this player. */
export function authenticatorOf(userId: string): FakeAuthenticator {
  const authenticator = new FakeAuthenticator();
  authenticator.verdict = (_token, provider) => {
    const facts = factsOf(userId, { provider, clientKey: `client-of-${provider}`, sessionId: 'session-1', scopes: [] });
    return { status: 'valid', principal: principalOf(facts) };
  };
  return authenticator;
}
