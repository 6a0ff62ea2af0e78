import { createHash } from 'node:crypto';
import { isJsonObject } from '../../identity/claims.js';
import type { KeyRing, SealContext } from '../../tokens/vault/key-ring.js';

/** A sign-in between the way out and the way back. Lives in the browser's cookie only, sealed. */
export interface PendingSignIn {
  readonly codeVerifier: string;
  readonly nonce?: string;
  readonly returnTo?: string;
  readonly expiresAtMs: number;
}

/** The client that a sign-in belongs to. */
export interface SignInOwner {
  /** Name of the identity provider. */
  readonly provider: string;
  readonly clientKey: string;
}

/** Bound to its state and to the client: it opens for no other callback and at no other provider's. */
export function sealSignIn(ring: KeyRing, owner: SignInOwner, state: string, pending: PendingSignIn): string {
  return ring.seal(JSON.stringify(pending), contextOf(owner, state)).toString('base64url');
}

/** Undefined when it does not open: another key, another client, another state, or changed. */
export function openSignIn(
  ring: KeyRing,
  owner: SignInOwner,
  state: string,
  sealed: string,
): PendingSignIn | undefined {
  try {
    const value: unknown = JSON.parse(ring.open(Buffer.from(sealed, 'base64url'), contextOf(owner, state)));
    // What opens was sealed here, so its shape needs no second look.
    return isJsonObject(value) ? (value as unknown as PendingSignIn) : undefined;
  } catch {
    return undefined;
  }
}

/** Under which a state is claimed, so that it serves once: never the state itself. */
export function hashOfState({ provider, clientKey }: SignInOwner, state: string): string {
  return createHash('sha256')
    .update(JSON.stringify(['authorization state', provider, clientKey, state]))
    .digest('base64url');
}

function contextOf(owner: SignInOwner, state: string): SealContext {
  const id = hashOfState(owner, state);
  return { ...owner, purpose: 'authorization', id, userId: '', sessionVersion: 0, generation: 0 };
}
