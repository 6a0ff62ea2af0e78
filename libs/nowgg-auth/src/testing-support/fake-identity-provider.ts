import {
  type CodeExchangeRequest,
  IdentityProvider,
  type IdentityVerdict,
  type Inspection,
  type TokenOutcome,
} from '../identity/identity-provider.js';
import type { UnverifiedJws } from '../identity/unverified-jws.js';
import type { TokenFacts, TokenType } from '../principal.js';

/** A compact JWS with these claims and no meaningful signature. */
export function jwsOf(claims: Record<string, unknown>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.c2ln`;
}

/** Facts about a player `p1`; override what the test is about. */
export function factsOf(overrides: Partial<TokenFacts> = {}): TokenFacts {
  return {
    provider: 'nowgg',
    clientKey: 'client-key',
    tokenType: 'token',
    userId: 'p1',
    issuer: 'https://now.gg',
    scopes: Object.freeze(['email']),
    expiresAtMs: Date.UTC(2026, 0, 1, 1),
    claims: Object.freeze({}),
    ...overrides,
  };
}

/** A provider whose answers a test scripts; it counts what was asked. */
export class FakeIdentityProvider extends IdentityProvider {
  override readonly name: string;
  override readonly clientKey: string;
  override tokenTypes: readonly TokenType[] = ['token', 'id_token'];
  readonly asked: { token: string; tokenType: TokenType }[] = [];
  /** The deadline of each question. */
  readonly signals: AbortSignal[] = [];
  answer: (token: string, tokenType: TokenType) => IdentityVerdict | Promise<IdentityVerdict> = () => ({
    status: 'valid',
    facts: factsOf({ provider: this.name }),
  });
  grows = false;
  inspection: (jws: UnverifiedJws | undefined) => Inspection = () => ({ action: 'ask', tokenType: undefined });

  constructor(name = 'nowgg', clientKey = 'client-key') {
    super();
    this.name = name;
    this.clientKey = clientKey;
  }

  override get confidenceGrows(): boolean {
    return this.grows;
  }

  override recognises(jws: UnverifiedJws): boolean {
    return jws.claims.aud === this.name;
  }

  override inspect(jws: UnverifiedJws | undefined): Inspection {
    return this.inspection(jws);
  }

  override async verify(token: string, tokenType: TokenType, signal: AbortSignal): Promise<IdentityVerdict> {
    this.asked.push({ token, tokenType });
    this.signals.push(signal);
    return this.answer(token, tokenType);
  }

  override async exchangeCode(_request: CodeExchangeRequest): Promise<TokenOutcome> {
    return { status: 'client_refused' };
  }

  override async refresh(_refreshToken: string): Promise<TokenOutcome> {
    return { status: 'client_refused' };
  }
}
