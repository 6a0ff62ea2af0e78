import { createHash, hash, timingSafeEqual } from 'node:crypto';
import { isJsonObject } from '../../identity/claims.js';
import type { KeyRing, SealContext } from '../../tokens/vault/key-ring.js';

/** A finished sign-in on its way from the callback to the page that began it. Travels in a fragment, encrypted. */
export interface Handoff {
  readonly session: string;
  /** S256 challenge of the page's verifier. */
  readonly challenge: string;
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
}

/** Time that a page has to redeem a handoff. */
export const HANDOFF_LIFE_MS = 60_000;

/** Names of the values in the fragment. */
export const FRAGMENT = { handoff: 'nowgg-handoff', challenge: 'nowgg-challenge', error: 'nowgg-error' } as const;

const CHALLENGE = /^[\w-]{43}$/;
/** RFC 7636 section 4.1. */
const VERIFIER = /^[\w.~-]{43,128}$/;
const SEALED = /^[\w-]{1,1024}$/;
/** Bound to no client: the session handle itself is. */
const CONTEXT: SealContext = {
  purpose: 'handoff',
  id: '',
  provider: '',
  clientKey: '',
  userId: '',
  sessionVersion: 0,
  generation: 0,
};

/** Whether a value is an S256 challenge (RFC 7636 section 4.2). */
export function isChallenge(value: unknown): value is string {
  return typeof value === 'string' && CHALLENGE.test(value);
}

/** Whether a value can be the verifier of a challenge. */
export function isVerifier(value: unknown): value is string {
  return typeof value === 'string' && VERIFIER.test(value);
}

export function isVerifierOf(verifier: string, challenge: string): boolean {
  const digest = createHash('sha256').update(verifier).digest();
  const expected = Buffer.from(challenge, 'base64url');
  return digest.length === expected.length && timingSafeEqual(digest, expected);
}

export function sealHandoff(ring: KeyRing, handoff: Handoff): string {
  return ring.seal(JSON.stringify(handoff), CONTEXT).toString('base64url');
}

/** Decrypts a handoff. Undefined for everything that this application did not make. */
export function openHandoff(ring: KeyRing, sealed: unknown): Handoff | undefined {
  if (typeof sealed !== 'string' || !SEALED.test(sealed)) return undefined;
  try {
    const value: unknown = JSON.parse(ring.open(Buffer.from(sealed, 'base64url'), CONTEXT));
    // A cast, not a check: a value that can be decrypted was encrypted here and has the shape.
    return isJsonObject(value) ? (value as unknown as Handoff) : undefined;
  } catch {
    return undefined;
  }
}

/** The key under which a handoff is burned in the token store, one for all spellings of its text. */
export function hashOfHandoff(sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64url').toString('base64url');
  return hash('sha256', JSON.stringify(['handoff', bytes]), 'base64url');
}

/**
 * The address of a page with these values in its fragment, which browsers send to no server.
 * @param page without a fragment
 */
export function withFragment(page: string, values: Readonly<Record<string, string>>): string {
  return `${page}#${new URLSearchParams(values).toString()}`;
}
