import { hash } from 'node:crypto';
import { isJsonObject } from '../../identity/claims.js';
import type { KeyRing, SealContext } from '../../tokens/vault/key-ring.js';

/** A sign-in between redirect and callback. Stored only by the browser or the client that began it, encrypted. */
export interface PendingSignIn {
  readonly codeVerifier: string;
  readonly nonce?: string;
  /** The requested scopes; absent for the provider's own. */
  readonly scopes?: readonly string[];
  readonly returnTo?: string;
  /** S256 challenge of the page that gets the session by a handoff. */
  readonly challenge?: string;
  readonly expiresAtMs: number;
}

/** The client that a sign-in belongs to. */
export interface SignInOwner {
  /** Name of the identity provider. */
  readonly provider: string;
  readonly clientKey: string;
}

/** Encrypts a sign-in, bound to its state and client: no other callback or provider can decrypt it. */
export function sealSignIn(ring: KeyRing, owner: SignInOwner, state: string, pending: PendingSignIn): string {
  return ring.seal(JSON.stringify(pending), contextOf(owner, state)).toString('base64url');
}

/** Decrypts a sign-in. Undefined with another key, client or state, or when it was changed. */
export function openSignIn(
  ring: KeyRing,
  owner: SignInOwner,
  state: string,
  sealed: string,
): PendingSignIn | undefined {
  try {
    const value: unknown = JSON.parse(ring.open(Buffer.from(sealed, 'base64url'), contextOf(owner, state)));
    // A value that can be decrypted was encrypted here, so its shape needs no check.
    return isJsonObject(value) ? (value as unknown as PendingSignIn) : undefined;
  } catch {
    return undefined;
  }
}

/** The key under which a state is claimed for its single use. It does not reveal the state. */
export function hashOfState({ provider, clientKey }: SignInOwner, state: string): string {
  return hash('sha256', JSON.stringify(['authorization state', provider, clientKey, state]), 'base64url');
}

function contextOf(owner: SignInOwner, state: string): SealContext {
  const id = hashOfState(owner, state);
  return { ...owner, purpose: 'authorization', id, userId: '', sessionVersion: 0, generation: 0 };
}
