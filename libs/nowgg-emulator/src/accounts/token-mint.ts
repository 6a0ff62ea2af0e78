import { createHash, createHmac, randomBytes } from 'node:crypto';

/** Claims of a `token` (advanced flow). Times are epoch seconds. */
export interface TokenClaims {
  readonly iss: string;
  readonly tokenId: string;
  readonly aud: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly scope: string;
  readonly iat: number;
  readonly exp: number;
}

/** Claims of an `id_token` (basic flow). Times are epoch seconds. */
export interface IdTokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly exp: number;
  readonly iat: number;
  readonly auth_time: number;
  readonly email: string;
  readonly mobile: string;
  readonly userId: string;
  readonly name: string;
  readonly picture: string;
  readonly countryCode: string;
}

/** A parsed token of this mint. `sequence` numbers all tokens in the order in which they were signed. */
type ReadToken = { readonly sequence: number } & (
  | { readonly kind: 'token'; readonly claims: TokenClaims }
  | { readonly kind: 'id_token'; readonly claims: IdTokenClaims }
);

/** Signs tokens and reads them back. Stores none of them: it recognises its own tokens by the signature. */
export class TokenMint {
  #key = randomBytes(32);
  #sequence = 0;

  /** The sequence of the latest token. */
  get sequence(): number {
    return this.#sequence;
  }

  sign(claims: TokenClaims | IdTokenClaims): string {
    this.#sequence += 1;
    const header = encode({ alg: 'HS256', typ: 'JWT', seq: this.#sequence });
    const signed = `${header}.${encode(claims)}`;
    return `${signed}.${this.#signature(signed)}`;
  }

  /** Reads a token; undefined for everything that this mint did not sign with its current key. */
  read(token: string): ReadToken | undefined {
    const end = token.lastIndexOf('.');
    const middle = token.indexOf('.');
    // Compared as text, so that no second spelling of the same signature bytes is accepted.
    if (middle < 1 || end <= middle || this.#signature(token.slice(0, end)) !== token.slice(end + 1)) return undefined;
    const { seq } = decode(token.slice(0, middle)) as { seq: number };
    const claims = decode(token.slice(middle + 1, end)) as TokenClaims | IdTokenClaims;
    return 'tokenId' in claims ? { sequence: seq, kind: 'token', claims } : { sequence: seq, kind: 'id_token', claims };
  }

  /** Creates a new key: tokens signed before are no longer recognised. */
  reset(): void {
    this.#key = randomBytes(32);
    this.#sequence = 0;
  }

  #signature(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}

/** The key under which codes, refresh tokens and revoked tokens are stored, so that no raw secret stays in memory. */
export function fingerprint(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

const issuedIdLength = 12;

/**
 * The id under which the emulator lists a code or token: the beginning of its SHA-256 in base64url. It identifies the
 * code or token, and cannot be used in its place.
 */
export function issuedIdOf(secret: string): string {
  return fingerprint(secret).slice(0, issuedIdLength);
}

/** A new opaque secret of 43 base64url characters: a code or a refresh token. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
