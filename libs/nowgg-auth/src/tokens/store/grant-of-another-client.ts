import { IdentityUnavailableError } from '../../errors.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import type { StoredClient } from './vault-record.js';

/** A front end cannot do anything about it, and should not ask often. */
const RETRY_AFTER_S = 60;

/**
 * The error about a live grant of a client that this application does not have: its client id, or the address of its
 * identity system, was changed. An answer that ends the session would end every session while the configuration is wrong.
 *
 * @param own the application's client at the same provider; undefined when it has none
 */
export function grantOfAnotherClient(grant: StoredClient, own: StoredClient | undefined): IdentityUnavailableError {
  const ours = own ? `this application is client ${own.clientKey}` : 'this application has no client there';
  const detail = `the session belongs to client ${grant.clientKey}, ${ours}`;
  publishSecurityEvent({ type: 'grant_of_another_client', provider: grant.provider, detail });
  return new IdentityUnavailableError(RETRY_AFTER_S, {
    message: 'this session was made for another client of the identity system, try again later',
    errorCode: 'identity_unavailable',
  });
}
