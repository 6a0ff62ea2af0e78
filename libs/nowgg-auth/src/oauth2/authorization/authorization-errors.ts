import { InvalidGrantError, InvalidRequestError } from '../../errors.js';
import { publishSecurityEvent } from '../../events/security-events.js';

/** Codes of RFC 6749 section 4.1.2.1 and OpenID Connect Core section 3.1.2.6. */
const CODES = [
  'access_denied',
  'consent_required',
  'account_selection_required',
  'interaction_required',
  'invalid_request',
  'invalid_scope',
  'login_required',
  'unauthorized_client',
  'unsupported_response_type',
] as const;

/** Reason why an identity system returned the browser without a code. `other`: a code that is not standardised. */
export type AuthorizationRefusal = (typeof CODES)[number] | 'other';

/** 400. The identity system returned an error: the player cancelled, has no permission, or must interact with it. */
export class AuthorizationRefusedError extends InvalidGrantError {
  readonly refusal: AuthorizationRefusal;

  constructor(code: string) {
    super('the identity system did not sign the player in');
    this.refusal = CODES.find((known) => known === code) ?? 'other';
  }
}

/** 400. The callback does not belong to a sign-in that this browser started here, or was used before. */
export function foreignCallback(): InvalidRequestError {
  return new InvalidRequestError('this sign-in was not started in this browser, is too old, or is already finished');
}

/** Reports a callback whose state, cookie or issuer does not belong to this browser and client. */
export function publishForeignCallback(provider: string): void {
  publishSecurityEvent({ type: 'foreign_callback', provider });
}
