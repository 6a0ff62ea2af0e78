import { Allow } from 'class-validator';

/** The kinds of token that an identity system hands out for a player. */
export type TokenType = 'token' | 'id_token';

/**
 * What a verification established about a token, as plain values. Times are epoch milliseconds.
 * This is what caches share; a {@link NowggPrincipal} is made from it.
 */
export interface TokenFacts {
  readonly provider: string;
  /** Hash of the identity system's address and our client id: facts of one client never serve another. */
  readonly clientKey: string;
  readonly tokenType: TokenType;
  readonly userId: string;
  readonly issuer: string;
  readonly scopes: readonly string[];
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
  /** Deeply frozen copy of what the identity system answered. */
  readonly claims: Readonly<Record<string, unknown>>;
}

const NO_FACTS = Object.freeze({}) as TokenFacts;

/**
 * The authenticated caller. A class, so that it survives as a decorated parameter's type; its fields are allowed for a
 * validating pipe, and an instance made by the guard is deeply frozen.
 *
 * Key your data on {@link provider} and {@link userId} together, never on {@link email} or {@link mobile}: now.gg
 * has no claim that says whether those were verified.
 */
export class NowggPrincipal {
  /** Name of the identity provider that vouches for this caller. */
  declare readonly provider: string;
  /** Unique within {@link provider}; 1 to 255 characters. */
  declare readonly userId: string;
  declare readonly tokenType: TokenType;
  /** Granted scopes; empty for an id_token. */
  declare readonly scopes: readonly string[];
  declare readonly expiresAt?: Date | undefined;
  declare readonly issuedAt?: Date | undefined;
  /** When the player signed in (`auth_time`); id_tokens only. */
  declare readonly authTime?: Date | undefined;
  /** The `sub` claim. For now.gg another value than {@link userId}. */
  declare readonly subject?: string | undefined;
  declare readonly sessionId?: string | undefined;
  declare readonly tokenId?: string | undefined;
  declare readonly email?: string | undefined;
  declare readonly mobile?: string | undefined;
  declare readonly name?: string | undefined;
  declare readonly picture?: string | undefined;
  declare readonly countryCode?: string | undefined;
  /** Everything that the identity system said about the token, as it said it. */
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

// A validating pipe that strips what it does not know is told here that it knows them.
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

/** The principal of facts, deeply frozen: one serves every request, because nobody can change it. */
export function principalOf(facts: TokenFacts): NowggPrincipal {
  return Object.freeze(new NowggPrincipal(facts));
}

/** `Object.freeze` leaves a `Date` open to its setters: here they throw. */
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
