import type { EmulatorClock } from '../emulator-clock.js';
import { fingerprint, newSecret } from './token-mint.js';

/** What an authorization code stands for. */
export interface CodeSubject {
  readonly userId: string;
  readonly clientId: string;
  readonly scope: string;
}

/** Why a code is good no more, its age apart. */
export type CodeEnd = 'used' | 'revoked';

interface StoredCode extends CodeSubject {
  readonly expiresAtMs: number;
  end: CodeEnd | undefined;
}

/** A code just made; the only moment at which its text is known. */
export interface FreshCode {
  readonly code: string;
  readonly expiresAtMs: number;
}

/** One-time authorization codes. */
export class CodeStore {
  readonly #codes = new Map<string, StoredCode>();
  readonly #clock: EmulatorClock;
  readonly #lifetimeMs: number;

  constructor(clock: EmulatorClock, lifetimeSeconds: number) {
    this.#clock = clock;
    this.#lifetimeMs = lifetimeSeconds * 1000;
  }

  issue(subject: CodeSubject): FreshCode {
    const code = newSecret();
    const expiresAtMs = this.#clock.now() + this.#lifetimeMs;
    this.#codes.set(fingerprint(code), { ...subject, expiresAtMs, end: undefined });
    return { code, expiresAtMs };
  }

  /** Uses the code up. A code in another client's hands is refused and stays good for its own client. */
  redeem(code: string, clientId: string): CodeSubject | undefined {
    const stored = this.#codes.get(fingerprint(code));
    if (!stored || stored.end || stored.clientId !== clientId || stored.expiresAtMs <= this.#clock.now())
      return undefined;
    stored.end = 'used';
    return stored;
  }

  /** By the fingerprint of a code: what has become of it. */
  endOf(codeFingerprint: string): CodeEnd | undefined {
    return this.#codes.get(codeFingerprint)?.end;
  }

  /** By the fingerprint of a code: makes it useless. */
  revoke(codeFingerprint: string): void {
    const stored = this.#codes.get(codeFingerprint);
    if (stored) stored.end ??= 'revoked';
  }

  /** Makes the open codes of a player useless. */
  revokePlayer(userId: string): void {
    for (const stored of this.#codes.values()) if (stored.userId === userId) stored.end ??= 'revoked';
  }

  clear(): void {
    this.#codes.clear();
  }
}
