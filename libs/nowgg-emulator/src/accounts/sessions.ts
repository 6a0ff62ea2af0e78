import { randomUUID } from 'node:crypto';
import type { EmulatorClock } from '../emulator-clock.js';
import type { RefreshTokenRotation, ResolvedOptions } from '../options.js';
import type { CodeSubject } from './codes.js';
import { fingerprint, newSecret } from './token-mint.js';

/** One sign-in of a player at a client. */
export interface EmulatedSession extends CodeSubject {
  readonly sessionId: string;
  readonly startedAtMs: number;
  revoked: boolean;
}

/** A newly issued refresh token; its text is known only at this moment. */
export interface FreshRefreshToken {
  readonly refreshToken: string;
  readonly expiresAtMs: number;
}

interface StoredRefreshToken {
  readonly session: EmulatedSession;
  readonly expiresAtMs: number;
  revoked: boolean;
  replacedAtMs: number | undefined;
}

type SessionOptions = Pick<
  ResolvedOptions,
  'refreshTokenLifetimeSeconds' | 'rotateRefreshTokens' | 'rotationGraceSeconds'
>;

/** Sessions and their refresh tokens. */
export class SessionStore {
  readonly #sessions = new Map<string, EmulatedSession>();
  readonly #refreshTokens = new Map<string, StoredRefreshToken>();
  readonly #clock: EmulatorClock;
  readonly #options: SessionOptions;
  /** Effect of refreshes from now on. */
  rotation: RefreshTokenRotation;

  constructor(clock: EmulatorClock, options: SessionOptions) {
    this.#clock = clock;
    this.#options = options;
    this.rotation = options.rotateRefreshTokens;
  }

  start({ userId, clientId, scope }: CodeSubject): EmulatedSession {
    const session = {
      sessionId: randomUUID(),
      userId,
      clientId,
      scope,
      startedAtMs: this.#clock.now(),
      revoked: false,
    };
    this.#sessions.set(session.sessionId, session);
    return session;
  }

  find(sessionId: string): EmulatedSession | undefined {
    return this.#sessions.get(sessionId);
  }

  issueRefreshToken(session: EmulatedSession): FreshRefreshToken {
    const refreshToken = newSecret();
    const expiresAtMs = this.#clock.now() + this.#options.refreshTokenLifetimeSeconds * 1000;
    const stored = { session, expiresAtMs, revoked: false, replacedAtMs: undefined };
    this.#refreshTokens.set(fingerprint(refreshToken), stored);
    return { refreshToken, expiresAtMs };
  }

  /** The session to refresh and, when refresh tokens rotate, the new one; undefined when the token is refused. */
  refresh(
    refreshToken: string,
    clientId: string,
  ): { session: EmulatedSession; next: FreshRefreshToken | undefined } | undefined {
    const stored = this.#refreshTokens.get(fingerprint(refreshToken));
    const now = this.#clock.now();
    if (!stored || stored.session.clientId !== clientId || stored.expiresAtMs <= now) return undefined;
    if (stored.revoked || stored.session.revoked) return undefined;
    if (this.rotation === 'never') return { session: stored.session, next: undefined };
    if (this.#isReuse(stored, now)) {
      stored.session.revoked = this.rotation !== 'once';
      return undefined;
    }
    stored.replacedAtMs ??= now;
    return { session: stored.session, next: this.issueRefreshToken(stored.session) };
  }

  /** Revokes a refresh token; tokens of its session keep working. Returns whether there was such a refresh token. */
  revokeRefreshToken(refreshToken: string): boolean {
    return this.revokeByFingerprint(fingerprint(refreshToken));
  }

  /** Revokes a refresh token by its fingerprint. Returns whether there was such a refresh token. */
  revokeByFingerprint(tokenFingerprint: string): boolean {
    const stored = this.#refreshTokens.get(tokenFingerprint);
    if (stored) stored.revoked = true;
    return stored !== undefined;
  }

  /** The player of a refresh token, valid or not, by the token's fingerprint. */
  ownerOf(tokenFingerprint: string): string | undefined {
    return this.#refreshTokens.get(tokenFingerprint)?.session.userId;
  }

  /** Reason why a refresh token is no longer valid, other than its age, by the token's fingerprint. */
  endOf(tokenFingerprint: string): 'used' | 'revoked' | undefined {
    const stored = this.#refreshTokens.get(tokenFingerprint);
    if (!stored || stored.revoked || stored.session.revoked) return 'revoked';
    return this.#isReuse(stored, this.#clock.now()) ? 'used' : undefined;
  }

  /** Ends a session. Returns whether there was such a session. */
  revoke(sessionId: string): boolean {
    const session = this.#sessions.get(sessionId);
    if (session) session.revoked = true;
    return session !== undefined;
  }

  revokePlayer(userId: string): void {
    for (const session of this.#sessions.values()) if (session.userId === userId) session.revoked = true;
  }

  /** Forgets everything, and returns to the configured rotation. */
  clear(): void {
    this.#sessions.clear();
    this.#refreshTokens.clear();
    this.rotation = this.#options.rotateRefreshTokens;
  }

  #isReuse({ replacedAtMs }: StoredRefreshToken, now: number): boolean {
    if (replacedAtMs === undefined) return false;
    if (this.rotation === 'once' || this.rotation === 'strict') return true;
    return now - replacedAtMs > this.#options.rotationGraceSeconds * 1000;
  }
}
