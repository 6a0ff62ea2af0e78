import { createHash } from 'node:crypto';
import type { NowggClock } from '../clock.js';
import type { NowggSessionInfo, NowggUserInfo } from '../identity/account-info.js';
import {
  type CodeExchangeRequest,
  IdentityProvider,
  type IdentityVerdict,
  type InfoOutcome,
  type Inspection,
  type TokenOutcome,
} from '../identity/identity-provider.js';
import type { UnverifiedJws } from '../identity/unverified-jws.js';
import type { TokenType } from '../principal.js';
import { openTestToken, peekAtTestToken, sealTestToken, type TestTokenContent } from './test-token.js';

const HOUR_MS = 3_600_000;

/**
 * Stands for an identity system in a test: accepts the tokens, codes and refresh tokens of the test kit, and refuses
 * all others. Asks no network. Everything behind it, such as caches, scopes and bans, is the real module.
 */
export class TestIdentityProvider extends IdentityProvider {
  override readonly name: string;
  override readonly clientKey: string;
  override readonly tokenTypes: readonly TokenType[] = ['token', 'id_token'];
  readonly #clock: NowggClock;
  readonly #isDefault: boolean;

  /** @param isDefault whether tokens that name no provider belong to this one */
  constructor(name: string, isDefault: boolean, clock: NowggClock) {
    super();
    this.name = name;
    this.clientKey = createHash('sha256').update(`nestjs-nowgg-auth/testing ${name}`).digest('base64url');
    this.#isDefault = isDefault;
    this.#clock = clock;
  }

  override sendsSecretFor(): boolean {
    return false;
  }

  override recognises({ claims }: UnverifiedJws): boolean {
    const content = peekAtTestToken(claims);
    return content !== undefined && this.#isOurs(content);
  }

  override inspect(jws: UnverifiedJws | undefined): Inspection {
    const content = jws && peekAtTestToken(jws.claims);
    if (content && !this.#isOurs(content)) return { action: 'refuse', reason: 'wrong_client' };
    return { action: 'ask', tokenType: content?.facts.tokenType, local: true };
  }

  override async verify(token: string, tokenType: TokenType): Promise<IdentityVerdict> {
    const content = openTestToken('access', token);
    if (content?.facts.tokenType !== tokenType || !this.#isOurs(content)) return refused('invalid_token');
    if ((content.facts.expiresAtMs ?? 0) <= this.#clock.now()) return refused('expired_token');
    const { facts } = content;
    const [scopes, claims] = [Object.freeze([...facts.scopes]), Object.freeze({ ...facts.claims })];
    return {
      status: 'valid',
      facts: Object.freeze({ ...facts, scopes, claims, provider: this.name, clientKey: this.clientKey }),
    };
  }

  override async exchangeCode({ code }: CodeExchangeRequest): Promise<TokenOutcome> {
    return this.#issue(openTestToken('code', code));
  }

  override async refresh(refreshToken: string): Promise<TokenOutcome> {
    return this.#issue(openTestToken('refresh', refreshToken));
  }

  override async getUserInfo(token: string): Promise<InfoOutcome<NowggUserInfo>> {
    const content = openTestToken('access', token);
    if (content?.facts.tokenType !== 'token') return { status: 'refused' };
    const { userId, email, mobile, name, picture, countryCode } = content.facts;
    return { status: 'info', info: { userId, email, mobile, name, profilePicture: picture, countryCode } };
  }

  override async getSessionInfo(token: string): Promise<InfoOutcome<NowggSessionInfo>> {
    const content = openTestToken('access', token);
    if (content?.facts.tokenType !== 'token') return { status: 'refused' };
    return { status: 'info', info: { deviceData: { os: {}, device: {}, client: {} }, geoData: {} } };
  }

  #isOurs({ provider }: TestTokenContent): boolean {
    return provider === undefined ? this.#isDefault : provider === this.name;
  }

  #issue(content: TestTokenContent | undefined): TokenOutcome {
    if (!content || !this.#isOurs(content)) return { status: 'refused', code: 'invalid_grant', isFinal: true };
    const now = this.#clock.now();
    const { issuedAtMs = now, expiresAtMs = now + HOUR_MS, ...rest } = content.facts;
    const accessTokenExpiresAtMs = now + Math.max(1_000, expiresAtMs - issuedAtMs);
    const facts = { ...rest, issuedAtMs: now, expiresAtMs: accessTokenExpiresAtMs };
    return {
      status: 'tokens',
      tokens: {
        accessToken: sealTestToken('access', { ...content, facts }),
        accessTokenExpiresAtMs,
        refreshToken: sealTestToken('refresh', content),
        scopes: facts.scopes,
      },
    };
  }
}

/** The refusal names its reason, so that it is believed at once. */
function refused(reason: 'invalid_token' | 'expired_token'): IdentityVerdict {
  return { status: 'invalid', reason, independentOfClient: true };
}
