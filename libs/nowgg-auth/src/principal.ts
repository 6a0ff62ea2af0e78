import { Allow } from 'class-validator';

/** The kinds of token that an identity system issues for a player. */
export type TokenType = 'token' | 'id_token';

/**
 * The result of a token verification as plain values. Times are epoch milliseconds.
 * Caches share these facts; a {@link NowggPrincipal} is created from them.
 */
export interface TokenFacts {
  readonly provider: string;
  /** Hash of the identity system's address and our client id: facts of one client are never used for another. */
  readonly clientKey: string;
  readonly tokenType: TokenType;
  readonly userId: string;
  readonly issuer: string;
  readonly scopes: readonly string[];
  /**
   * True where the identity system's answers about tokens state no scopes: {@link scopes} is then empty until the grant
   * that got the token is looked up.
   */
  readonly areScopesUnstated?: true | undefined;
  readonly expiresAtMs?: number | undefined;
  readonly issuedAtMs?: number | undefined;
  readonly authTimeMs?: number | undefined;
  readonly subject?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly tokenId?: string | undefined;
  readonly email?: string | undefined;
  readonly mobile?: string | undefined;
  readonly name?: string | undefined;
  readonly picture?: string | undefined;
  readonly countryCode?: string | undefined;
  /** Deeply frozen copy of the identity system's answer. */
  readonly claims: Readonly<Record<string, unknown>>;
}

const NO_FACTS = Object.freeze({}) as TokenFacts;

/**
 * The authenticated caller. A class, so that it exists at run time as the type of a decorated parameter. A validating
 * pipe accepts all its fields. An instance created by the guard is deeply frozen.
 *
 * Use {@link provider} and {@link userId} together as the key of your data, never {@link email} or {@link mobile}:
 * now.gg has no claim that says whether those were verified.
 */
export class NowggPrincipal {
  /** Name of the identity provider that authenticated this caller. */
  declare readonly provider: string;
  /** Unique within {@link provider}; 1 to 255 characters. */
  declare readonly userId: string;
  declare readonly tokenType: TokenType;
  /**
   * Granted scopes; empty for an id_token. Where the identity system states none about a token, those that were granted
   * when this application got it, and empty for a token that it did not get.
   */
  declare readonly scopes: readonly string[];
  declare readonly expiresAt?: Date | undefined;
  declare readonly issuedAt?: Date | undefined;
  /** Time of the player's sign-in (`auth_time`); id_tokens only. */
  declare readonly authTime?: Date | undefined;
  /** The `sub` claim. For now.gg its value differs from {@link userId}. */
  declare readonly subject?: string | undefined;
  declare readonly sessionId?: string | undefined;
  declare readonly tokenId?: string | undefined;
  declare readonly email?: string | undefined;
  declare readonly mobile?: string | undefined;
  declare readonly name?: string | undefined;
  declare readonly picture?: string | undefined;
  declare readonly countryCode?: string | undefined;
  /** All claims of the token, as the identity system sent them. */
  declare readonly claims: Readonly<Record<string, unknown>>;

  constructor(facts: TokenFacts) {
    // A validating pipe calls the constructor without arguments and copies the fields afterwards.
    const f = facts ?? NO_FACTS;
    this.provider = f.provider;
    this.userId = f.userId;
    this.tokenType = f.tokenType;
    this.scopes = f.scopes;
    this.expiresAt = toDate(f.expiresAtMs);
    this.issuedAt = toDate(f.issuedAtMs);
    this.authTime = toDate(f.authTimeMs);
    this.subject = f.subject;
    this.sessionId = f.sessionId;
    this.tokenId = f.tokenId;
    this.email = f.email;
    this.mobile = f.mobile;
    this.name = f.name;
    this.picture = f.picture;
    this.countryCode = f.countryCode;
    this.claims = f.claims;
  }
}

// A validating pipe may strip unknown fields: this declares them as known.
const FIELDS = [
  'provider',
  'userId',
  'tokenType',
  'scopes',
  'expiresAt',
  'issuedAt',
  'authTime',
  'subject',
  'sessionId',
  'tokenId',
  'email',
  'mobile',
  'name',
  'picture',
  'countryCode',
  'claims',
] as const satisfies readonly (keyof NowggPrincipal)[];
for (const field of FIELDS) Allow()(NowggPrincipal.prototype, field);

/** Creates a deeply frozen principal from facts. Requests can share one, because no code can change it. */
export function principalOf(facts: TokenFacts): NowggPrincipal {
  return Object.freeze(new NowggPrincipal(facts));
}

/** The same caller with other scopes; deeply frozen. */
export function withScopes(principal: NowggPrincipal, scopes: readonly string[]): NowggPrincipal {
  const copy = Object.create(NowggPrincipal.prototype) as NowggPrincipal;
  return Object.freeze(Object.assign(copy, principal, { scopes: Object.freeze([...scopes]) }));
}

/** A `Date` whose setters throw, because `Object.freeze` does not disable them. */
class FrozenDate extends Date {}
for (const name of Object.getOwnPropertyNames(Date.prototype)) {
  if (!name.startsWith('set')) continue;
  const refuse = () => {
    throw new TypeError('a principal is frozen: copy its date before changing it');
  };
  Object.defineProperty(FrozenDate.prototype, name, { value: refuse });
}

function toDate(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : Object.freeze(new FrozenDate(ms));
}
