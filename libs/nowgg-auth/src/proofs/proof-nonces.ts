import { createHmac, timingSafeEqual } from 'node:crypto';
import type { NowggClock } from '../clock.js';

/**
 * Nonces for proofs: an HMAC over a span of time, so that every process with the secrets makes and accepts the same, and
 * none is stored. One is accepted in its own span and in the next.
 */
export class ProofNonces {
  readonly #secrets: readonly (string | Uint8Array)[];
  readonly #spanMs: number;
  readonly #clock: NowggClock;

  /** @param secrets the first one makes nonces, and those of all are accepted */
  constructor(secrets: readonly (string | Uint8Array)[], spanMs: number, clock: NowggClock) {
    this.#secrets = secrets;
    this.#spanMs = spanMs;
    this.#clock = clock;
  }

  current(): string {
    return nonceOf(this.#secrets[0] as string | Uint8Array, this.#span);
  }

  accepts(nonce: unknown): boolean {
    if (typeof nonce !== 'string') return false;
    const given = Buffer.from(nonce);
    const spans = [this.#span, this.#span - 1];
    return this.#secrets.some((secret) =>
      spans.some((span) => {
        const expected = Buffer.from(nonceOf(secret, span));
        return given.length === expected.length && timingSafeEqual(given, expected);
      }),
    );
  }

  get #span(): number {
    return Math.floor(this.#clock.now() / this.#spanMs);
  }
}

function nonceOf(secret: string | Uint8Array, span: number): string {
  return createHmac('sha256', secret).update(`nestjs-nowgg-auth DPoP nonce v1 ${span}`).digest('base64url');
}
