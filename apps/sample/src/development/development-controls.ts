import { randomBytes } from 'node:crypto';
import type { EmbeddedNowgg } from '../embedded/embedded-nowgg.js';
import type { EmbeddedWebSignIn } from '../embedded/embedded-web-sign-in.js';
import { isSameSecret } from '../auth/same-secret.js';

/** Controls of the identity systems that replace the real ones. */
export class DevelopmentControls {
  /**
   * Key to the development tools, for this start only. It is printed for the person at the machine: a request alone
   * does not distinguish that person from a proxy on the same machine.
   */
  readonly key = randomBytes(32).toString('base64url');
  readonly #nowgg: EmbeddedNowgg;
  readonly #web: EmbeddedWebSignIn | undefined;

  constructor(nowgg: EmbeddedNowgg, web: EmbeddedWebSignIn | undefined) {
    this.#nowgg = nowgg;
    this.#web = web;
  }

  isKey(given: unknown): boolean {
    return typeof given === 'string' && isSameSecret(given, this.key);
  }

  /** Whether now.gg currently answers nothing but 503, whatever the cause. */
  get isOutage(): boolean {
    return this.#nowgg.emulator.faults.some(({ kind, count }) => kind === 'status' && count === undefined);
  }

  setOutage(isOutage: boolean): void {
    const { emulator } = this.#nowgg;
    emulator.clearFaults();
    if (isOutage) emulator.setFault({ kind: 'status', status: 503, endpoint: '*' });
  }

  get tokenLifeSeconds(): number {
    return this.#nowgg.emulator.tokenLifetimeSeconds;
  }

  /** Sets the lifetime of all tokens from now on, at both identity systems. */
  setTokenLife(seconds: number): void {
    this.#nowgg.emulator.setTokenLifetime(seconds);
    if (this.#web) this.#web.tokenLifeSeconds = seconds;
  }

  /** Number of requests to now.gg to verify a token, and for a new one. */
  get calls(): { readonly verifications: number; readonly refreshes: number } {
    const { emulator } = this.#nowgg;
    return {
      verifications: emulator.requestCount({ endpoint: 'verify-token' }),
      refreshes: emulator.requestCount({ endpoint: 'token', grantType: 'refresh_token' }),
    };
  }
}
