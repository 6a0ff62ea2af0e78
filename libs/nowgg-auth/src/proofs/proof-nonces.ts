import { createHmac, timingSafeEqual } from 'node:crypto';
import type { NowggClock } from '../clock.js';

/**
 * Nonces for proofs: an HMAC over a span of time, so that every process with the secret makes and accepts the same, and
 * none is stored. One is accepted in its own span and in the next.
 */
export class ProofNonces {
  readonly #secret: string;
  readonly #spanMs: number;
  readonly #clock: NowggClock;

  constructor(secret: string, spanMs: number, clock: NowggClock) {
    this.#secret = secret;
    this.#spanMs = spanMs;
    this.#clock = clock;
  }

  current(): string {
    return this.#of(this.#span);
  }

  accepts(nonce: unknown): boolean {
    if (typeof nonce !== 'string') return false;
    const given = Buffer.from(nonce);
    return [this.#span, this.#span - 1].some((span) => {
      const expected = Buffer.from(this.#of(span));
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
  }

  get #span(): number {
    return Math.floor(this.#clock.now() / this.#spanMs);
  }

  #of(span: number): string {
    return createHmac('sha256', this.#secret).update(`nestjs-nowgg-auth DPoP nonce v1 ${span}`).digest('base64url');
  }
}
