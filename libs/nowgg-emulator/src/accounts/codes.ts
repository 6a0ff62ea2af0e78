import type { EmulatorClock } from '../emulator-clock.js';
import { fingerprint, newSecret } from './token-mint.js';

/** What an authorization code stands for. */
export interface CodeSubject {
  readonly userId: string;
  readonly clientId: string;
  readonly scope: string;
}

interface StoredCode extends CodeSubject {
  readonly expiresAtMs: number;
  used: boolean;
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

  issue(subject: CodeSubject): string {
    const code = newSecret();
    this.#codes.set(fingerprint(code), { ...subject, expiresAtMs: this.#clock.now() + this.#lifetimeMs, used: false });
    return code;
  }

  /** Uses the code up. A code in another client's hands is refused and stays good for its own client. */
  redeem(code: string, clientId: string): CodeSubject | undefined {
    const stored = this.#codes.get(fingerprint(code));
    if (!stored || stored.used || stored.clientId !== clientId || stored.expiresAtMs <= this.#clock.now())
      return undefined;
    stored.used = true;
    return stored;
  }

  /** Makes the open codes of a player useless. */
  revokePlayer(userId: string): void {
    for (const stored of this.#codes.values()) if (stored.userId === userId) stored.used = true;
  }

  clear(): void {
    this.#codes.clear();
  }
}
