import { InvalidRequestError, InvalidTokenError, type NowggAuthError } from '../errors.js';
import type { NowggPrincipal } from '../principal.js';
import type { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import { endOf, type NowggSocketEnd } from './end-of-socket.js';
import { judgeHandshake } from './handshake-judge.js';
import { credentialOf } from './socket-credential.js';
import type { SocketConnection } from './socket-connection.js';

/** The message with a new token, `{ token }`. */
export const REAUTHENTICATION_EVENT = 'nowgg:auth';

/** The answer to a message with a new token. A refusal leaves the connection with its old token. */
export type ReauthenticationAnswer =
  | {
      readonly ok: true;
      /** When the new token expires, in epoch milliseconds; absent when it states no expiry. */
      readonly expiresAt?: number;
    }
  | ({ readonly ok: false } & NowggSocketEnd);

/**
 * Gives a connection the token of a message. The token is verified as that of a handshake, and must be for the same
 * user: another one ends the connection. One message at a time.
 *
 * @param know receives the caller
 */
export async function reauthenticate(
  authenticator: NowggAuthenticator,
  connection: SocketConnection,
  message: unknown,
  know: (principal: NowggPrincipal) => void,
): Promise<ReauthenticationAnswer> {
  if (connection.isReauthenticating) return refusal(new InvalidRequestError('a new token is being verified already'));
  connection.isReauthenticating = true;
  try {
    const credential = credentialOf(tokenOf(message));
    if (credential.outcome !== 'held') return refusal(new InvalidTokenError('malformed_token'));
    const policy = { ...connection.policy, access: 'required' as const };
    const outcome = await judgeHandshake(authenticator, policy, credential, connection);
    if ('error' in outcome) return refusal(outcome.error);
    const principal = outcome.principal as NowggPrincipal;
    if (connection.isEnded) return refusal(new InvalidRequestError('the connection has ended'));
    if (connection.principal && !isSameUser(connection.principal, principal)) {
      const error = new InvalidRequestError('the token of another user needs a connection of its own');
      connection.end(error);
      return refusal(error);
    }
    connection.credential = credential;
    know(principal);
    return acceptanceOf(principal);
  } finally {
    connection.isReauthenticating = false;
  }
}

/** The answer to a token that was accepted. */
export function acceptanceOf({ expiresAt }: NowggPrincipal): ReauthenticationAnswer {
  return { ok: true, ...(expiresAt && { expiresAt: expiresAt.getTime() }) };
}

function refusal(error: NowggAuthError): ReauthenticationAnswer {
  return { ok: false, ...endOf(error) };
}

/** The token of a message `{ token }`. */
export function tokenOf(message: unknown): unknown {
  const isOwn = typeof message === 'object' && message !== null && Object.hasOwn(message, 'token');
  return isOwn ? (message as { token: unknown }).token : undefined;
}

function isSameUser(one: NowggPrincipal, other: NowggPrincipal): boolean {
  return one.provider === other.provider && one.userId === other.userId;
}
