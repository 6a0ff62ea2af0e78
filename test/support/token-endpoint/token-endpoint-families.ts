import { randomUUID } from 'node:crypto';

/**
 * - `static`: a refresh token works for ever and is never sent again.
 * - `grace`: each use gives a new one; used ones go on working.
 * - `strict`: each use gives a new one and ends the one that was used.
 */
export type TokenEndpointMode = 'static' | 'grace' | 'strict';

export interface Subject {
  readonly userId: string;
  readonly sessionId: string;
}

export interface IssuedTokens {
  readonly access_token: string;
  readonly expires_at_ms: number;
  readonly refresh_token?: string;
}

/** Who holds which token, as the identity system knows it. */
export class TokenFamilies {
  readonly mode: TokenEndpointMode;
  accessTokenMs: number;
  readonly #codes = new Map<string, Subject>();
  readonly #refreshTokens = new Map<string, Subject>();
  readonly #accessTokens = new Map<string, Subject>();
  /** User ids by every refresh token that there ever was. */
  readonly #owners = new Map<string, string>();

  constructor(mode: TokenEndpointMode, accessTokenMs: number) {
    this.mode = mode;
    this.accessTokenMs = accessTokenMs;
  }

  issueCode(code: string, userId: string): void {
    this.#codes.set(code, { userId, sessionId: randomUUID() });
  }

  issueRefreshToken(token: string, userId: string): void {
    this.#keep(token, { userId, sessionId: randomUUID() });
  }

  redeem(code: string): IssuedTokens | undefined {
    const subject = this.#codes.get(code);
    this.#codes.delete(code);
    return subject && { ...this.#accessToken(subject), refresh_token: this.#refreshToken(subject) };
  }

  refresh(refreshToken: string): IssuedTokens | undefined {
    const subject = this.#refreshTokens.get(refreshToken);
    if (!subject) return undefined;
    const access = this.#accessToken(subject);
    if (this.mode === 'static') return access;
    if (this.mode === 'strict') this.#refreshTokens.delete(refreshToken);
    return { ...access, refresh_token: this.#refreshToken(subject) };
  }

  /** Whose refresh token it is, if it still works. */
  holderOf(refreshToken: string): Subject | undefined {
    return this.#refreshTokens.get(refreshToken);
  }

  /** User id of whom it was issued to, whether or not it still works. */
  ownerOf(refreshToken: string): string | undefined {
    return this.#owners.get(refreshToken);
  }

  subjectOf(accessToken: string): Subject | undefined {
    return this.#accessTokens.get(accessToken);
  }

  /** Ends everything of a user, as the identity system would. */
  end(userId: string): void {
    for (const [token, subject] of this.#refreshTokens) {
      if (subject.userId === userId) this.#refreshTokens.delete(token);
    }
  }

  #accessToken(subject: Subject): IssuedTokens {
    const access_token = `access-${randomUUID()}`;
    this.#accessTokens.set(access_token, subject);
    return { access_token, expires_at_ms: Date.now() + this.accessTokenMs };
  }

  #refreshToken(subject: Subject): string {
    const token = `refresh-${randomUUID()}`;
    this.#keep(token, subject);
    return token;
  }

  #keep(refreshToken: string, subject: Subject): void {
    this.#refreshTokens.set(refreshToken, subject);
    this.#owners.set(refreshToken, subject.userId);
  }
}
