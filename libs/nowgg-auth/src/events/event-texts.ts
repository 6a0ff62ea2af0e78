import type { LogNote } from './log-notes.js';
import type { NowggSecurityEvent, NowggSecurityEventType } from './security-events.js';
import type { NowggStateEvent, NowggStateType } from './state-events.js';

/** The meaning of each security event, as the log states it. */
export const SECURITY_MEANINGS: Readonly<Record<NowggSecurityEventType, string>> = {
  own_credentials_suspect: 'the identity system refuses so uniformly that our client id or secret is in doubt',
  tls_failure: 'the certificate of the identity system is not valid for its host',
  mismatched_reply: 'a reply described another token than the one that was sent',
  introspection_without_token_type: 'an introspection answer does not say what kind of token it describes',
  two_credentials: 'a request carried two credentials',
  session_expired: 'a session that has ended by its age, or because it was not used, was presented',
  code_replayed: 'the code of a finished sign-in came again, without the attempt id of that sign-in',
  session_superseded: 'a session was ended: two holders used its handles, such as its player and a thief',
  session_proof_refused: "the proof of a session's key was refused: a stolen handle, or a client at another address",
  foreign_session_handle: 'a session handle was not made by this application',
  grant_of_another_client:
    'a stored session belongs to another client: check clientId and baseUrl (or issuer), or settle such grants with ' +
    'nestjs-nowgg-auth vault adopt or vault end',
  forwarded_identity_refused: 'headers of forwarded authentication were not believed',
  foreign_callback: 'an authorization callback does not belong to a sign-in of this browser',
  logout_token_refused: 'a logout token of an identity system was refused',
  foreign_handoff: 'a finished sign-in was asked for by a page that did not begin it',
  banned: 'a ban was set',
  revoked: 'everything issued so far was revoked',
  restored: 'a revocation was lifted',
  revocations_unread: 'revocations could not be read for ten seconds, so newer bans are not seen',
  signed_out: 'a grant was ended',
  session_displaced: 'a session was ended by a sign-in of its player on another device',
  relabelled_row: 'a stored grant does not carry the labels that its tokens were encrypted for',
  restored_row: 'a stored grant is older than this process has seen it',
  refused_key: 'an encryption key is weak',
  player_unavailable: 'resolveUser or authorize of the application failed or took too long',
  foreign_tokens_refreshed: 'a refresh brought tokens of another user or client',
  issued_in_the_future: 'a token was issued in the future',
  misconfigured_provider: 'the options of the identity provider do not fit the identity system',
  foreign_endpoint: 'metadata of the identity system names a host that is not configured',
};

/** What the begin and the end of each state mean, as the log states it. */
export const STATE_MEANINGS: Readonly<Record<NowggStateType, { readonly begun: string; readonly over: string }>> = {
  identity_unavailable: {
    begun: 'the identity system cannot be asked; players who are known play on from memory',
    over: 'the identity system answers again',
  },
  circuit_open: {
    begun: 'most calls to the identity system fail: only probes are sent',
    over: 'calls to the identity system are sent again',
  },
  store_unavailable: {
    begun: "the application's database does not answer or refuses: sign-ins, refreshes and new bans may be 503",
    over: 'the database answers again',
  },
  shared_cache_unavailable: {
    begun: 'Redis cannot be reached: verdicts are not shared',
    over: 'Redis can be reached again: verdicts are shared',
  },
  unsaved_tokens: {
    begun: 'received tokens could not be stored yet: only this process has them, do not kill it',
    over: 'all received tokens are stored',
  },
  calls_refused: {
    begun: 'verifications are not sent because a limit is reached: new tokens are 503',
    over: 'verifications are sent again',
  },
  grants_lapsing: {
    begun: 'idle grants could not be renewed: without a renewal their players have to sign in again',
    over: 'idle grants are renewed again',
  },
};

/** Actions of the application: written without a warning. */
const ROUTINE = new Set<NowggSecurityEventType>(['banned', 'revoked', 'restored', 'signed_out', 'session_displaced']);
/** Events that come once more with this detail when what they report is over. */
const OVER = 'over';

export function securityNote(event: NowggSecurityEvent): LogNote {
  const { type, provider, detail } = event;
  const isOver = detail === OVER && (type === 'own_credentials_suspect' || type === 'revocations_unread');
  // Providers come from the configuration, and these details are fixed texts, so there are few kinds.
  const part = type === 'misconfigured_provider' || isOver ? ` ${detail}` : '';
  return {
    kind: `${type} ${provider}${part}`,
    level: isOver || ROUTINE.has(type) ? 'log' : 'warn',
    text: textOf(type, SECURITY_MEANINGS[type], [provider === undefined ? '' : `provider ${provider}`, detail ?? '']),
  };
}

export function stateNote({ type, state, provider, detail, lastedMs }: NowggStateEvent): LogNote {
  const isOver = state === OVER;
  return {
    kind: `${type} ${provider} ${state}`,
    level: isOver ? 'log' : 'warn',
    text: textOf(`${type}${isOver ? ' over' : ''}`, STATE_MEANINGS[type][state], [
      provider === undefined ? '' : `provider ${provider}`,
      detail ?? '',
      lastedMs === undefined ? '' : `after ${Math.round(lastedMs / 1000)} s`,
    ]),
  };
}

/** A line: its name, its meaning, and what else is known. */
export function textOf(name: string, meaning: string, about: readonly string[]): string {
  const known = about.filter((part) => part !== '');
  return `${name}: ${meaning}${known.length === 0 ? '' : ` [${known.join(', ')}]`}`;
}
