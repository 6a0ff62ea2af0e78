import type { IdTokenClaims } from '../../identity/id-token-claims.js';
import type { OnSignIn } from '../../options/options.js';
import type { NowggPrincipal } from '../../principal.js';
import { type GrantRecord, grantOf } from '../store/grant-record.js';

interface SignedIn {
  readonly grant: GrantRecord;
  readonly principal: NowggPrincipal;
  readonly idToken?: IdTokenClaims | undefined;
  readonly isRepeated: boolean;
}

/** Hands sign-ins to the application. */
export class SignInHooks {
  readonly #onSignIn: OnSignIn | undefined;

  constructor(onSignIn: OnSignIn | undefined) {
    this.#onSignIn = onSignIn;
  }

  /** @throws what the application throws */
  async signedIn({ grant, principal, idToken, isRepeated }: SignedIn): Promise<void> {
    if (!this.#onSignIn) return;
    const { id: grantId, scopes } = grantOf(grant);
    const details = { grantId, principal, isRepeated, ...(scopes && { scopes }), ...(idToken && { idToken }) };
    await this.#onSignIn(Object.freeze(details));
  }
}
