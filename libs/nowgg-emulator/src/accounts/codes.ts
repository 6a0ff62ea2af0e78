import type { EmulatorClock } from '../emulator-clock.js';
import { fingerprint, newSecret } from './token-mint.js';

/** The sign-in that an authorization code stands for. */
export interface CodeSubject {
  readonly userId: string;
  readonly clientId: string;
  readonly scope: string;
}

/** Reason why a code is no longer valid, other than its age. */
type CodeEnd = 'used' | 'revoked';

interface StoredCode extends CodeSubject {
  readonly expiresAtMs: number;
  end: CodeEnd | undefined;
}

/** A newly issued code; its text is known only at this moment. */
interface FreshCode {
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

  /** Issues a code; one of the same text that there was before is replaced. */
  issue(subject: CodeSubject, code = newSecret()): FreshCode {
    const expiresAtMs = this.#clock.now() + this.#lifetimeMs;
    this.#codes.set(fingerprint(code), { ...subject, expiresAtMs, end: undefined });
    return { code, expiresAtMs };
  }

  /** Redeems the code, once. A code that another client presents is refused and stays valid for its own client. */
  redeem(code: string, clientId: string): CodeSubject | undefined {
    const stored = this.#codes.get(fingerprint(code));
    if (!stored || stored.end || stored.clientId !== clientId || stored.expiresAtMs <= this.#clock.now())
      return undefined;
    stored.end = 'used';
    return stored;
  }

  /** The player of a code, valid or not, by the code's fingerprint. */
  ownerOf(codeFingerprint: string): string | undefined {
    return this.#codes.get(codeFingerprint)?.userId;
  }

  /** The reason why a code has ended, by the code's fingerprint. */
  endOf(codeFingerprint: string): CodeEnd | undefined {
    return this.#codes.get(codeFingerprint)?.end;
  }

  /** Revokes a code, by its fingerprint. */
  revoke(codeFingerprint: string): void {
    const stored = this.#codes.get(codeFingerprint);
    if (stored) stored.end ??= 'revoked';
  }

  /** Revokes the unused codes of a player. */
  revokePlayer(userId: string): void {
    for (const stored of this.#codes.values()) if (stored.userId === userId) stored.end ??= 'revoked';
  }

  clear(): void {
    this.#codes.clear();
  }
}
