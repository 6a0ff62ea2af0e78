import { freezeClaims, isJsonObject } from './claims.js';

/**
 * The verified claims of an id_token (OpenID Connect Core section 2). Deeply frozen. A claim whose value has another type
 * than OpenID Connect says is left out.
 */
export interface IdTokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string | readonly string[];
  /** Seconds since 1970, like every time in an id_token. */
  readonly exp: number;
  readonly iat: number;
  readonly auth_time?: number;
  readonly nonce?: string;
  readonly acr?: string;
  readonly amr?: readonly string[];
  readonly azp?: string;
  readonly sid?: string;
  readonly name?: string;
  readonly given_name?: string;
  readonly family_name?: string;
  readonly nickname?: string;
  readonly preferred_username?: string;
  readonly picture?: string;
  readonly locale?: string;
  readonly email?: string;
  readonly email_verified?: boolean;
  /** Telephone number by its standard name. */
  readonly phone_number?: string;
  readonly phone_number_verified?: boolean;
  /** Telephone number by the name that some systems use. */
  readonly phone?: string;
  /** Any other claim, as the identity system sent it. */
  readonly [claim: string]: unknown;
}

type ClaimType = 'string' | 'number' | 'boolean' | 'texts';

const TYPES: ReadonlyMap<string, ClaimType> = new Map([
  ...['exp', 'iat', 'auth_time'].map((name) => [name, 'number'] as const),
  ...['email_verified', 'phone_number_verified'].map((name) => [name, 'boolean'] as const),
  ...['iss', 'sub', 'nonce', 'acr', 'azp', 'sid', 'name', 'given_name', 'family_name', 'nickname'].map(
    (name) => [name, 'string'] as const,
  ),
  ...['preferred_username', 'picture', 'locale', 'email', 'phone_number', 'phone'].map(
    (name) => [name, 'string'] as const,
  ),
  ['amr', 'texts'],
]);

/**
 * Reads the claims of an id_token whose signature, issuer, audience and expiry were verified.
 *
 * @param claims parsed JSON that no other code refers to; frozen in place
 */
export function readIdTokenClaims(claims: object): IdTokenClaims {
  const own = Object.entries(claims).filter(([name, value]) => hasType(value, TYPES.get(name)));
  // Through `unknown`: an object made of entries has lost the names that the filter has checked.
  return freezeClaims(Object.fromEntries(own)) as unknown as IdTokenClaims;
}

/** The claims in a reply that was stored in this process or another one; undefined when it had none. */
export function storedIdTokenClaims(stored: unknown): IdTokenClaims | undefined {
  return isJsonObject(stored) ? readIdTokenClaims(stored) : undefined;
}

function hasType(value: unknown, type: ClaimType | undefined): boolean {
  if (type === undefined) return true;
  if (type === 'texts') return Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (type === 'string') return typeof value === 'string' && value.isWellFormed();
  return type === 'number' ? Number.isFinite(value) : typeof value === 'boolean';
}
