import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { derivedKey } from './sealing-key.js';

const OWNER_BYTES = 16;
const TIME_BYTES = 8;
const MAC_AT = OWNER_BYTES + 2 * TIME_BYTES;
const MAC_BYTES = 32;
/** Length of a claim's value. */
export const CLAIM_BYTES = MAC_AT + MAC_BYTES;
/** Tolerated difference between the clocks of two processes; with a larger one each sends its own request. */
const CLOCK_SKEW_MS = 1_000;
/** A claim whose lease is longer than this and than the reader's own is not trusted. */
const LONGEST_LEASE_MS = 60_000;

/**
 * Makes and checks the values of claims: `owner | made at | lease | HMAC`. A process that can write to Redis but has no
 * key cannot make others wait: a value that is forged, expired or belongs to another request is not accepted.
 */
export class ClaimSeal {
  readonly #key: Buffer;
  /** Distinguishes this process's claims from those of others. */
  readonly #owner = randomBytes(OWNER_BYTES);

  constructor(sealingKey: Uint8Array) {
    this.#key = derivedKey(sealingKey, 'claims');
  }

  /** Creates the value of a claim of this process, made at `nowMs` (epoch milliseconds). */
  make(claimKey: string, nowMs: number, leaseMs: number): Buffer {
    const value = Buffer.alloc(CLAIM_BYTES);
    this.#owner.copy(value);
    value.writeDoubleBE(nowMs, OWNER_BYTES);
    value.writeDoubleBE(leaseMs, OWNER_BYTES + TIME_BYTES);
    this.#mac(claimKey, value).copy(value, MAC_AT);
    return value;
  }

  /** Whether this value proves that a process with the key is sending this request now. */
  isGenuine(claimKey: string, value: Buffer, nowMs: number, ownLeaseMs: number): boolean {
    if (value.length !== CLAIM_BYTES) return false;
    if (!timingSafeEqual(value.subarray(MAC_AT), this.#mac(claimKey, value))) return false;
    const ageMs = nowMs - value.readDoubleBE(OWNER_BYTES);
    const leaseMs = value.readDoubleBE(OWNER_BYTES + TIME_BYTES);
    const isOfLength = leaseMs <= Math.max(LONGEST_LEASE_MS, ownLeaseMs);
    return isOfLength && ageMs >= -CLOCK_SKEW_MS && ageMs < leaseMs + CLOCK_SKEW_MS;
  }

  #mac(claimKey: string, value: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(value.subarray(0, MAC_AT)).update(claimKey).digest();
  }
}
