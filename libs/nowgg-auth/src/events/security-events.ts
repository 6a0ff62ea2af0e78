import { EventChannel } from './event-channel.js';

/** Kinds of {@link NowggSecurityEvent}. */
export type NowggSecurityEventType =
  /** The identity system refuses so uniformly that our own client id or secret is in doubt. */
  | 'own_credentials_suspect'
  /** The identity system's certificate is not valid for its host. */
  | 'tls_failure'
  /** A reply described another token than the one that was sent. Its connection was closed. */
  | 'mismatched_reply'
  /** An introspection answer has no `token_type`. `detail` names the option for such systems. */
  | 'introspection_without_token_type'
  /** A request carried two credentials. */
  | 'two_credentials'
  /**
   * Headers of forwarded authentication were not believed: their peer is not the trusted proxy (`detail: 'peer'`), the
   * proxy's secret is missing or wrong (`detail: 'secret'`), or they are doubled or contradictory (`detail: 'form'`).
   */
  | 'forwarded_identity_refused'
  /** A session handle that was not made with a key of this application. */
  | 'foreign_session_handle'
  /** A session handle that has ended, because it was not used or by its age, was presented. */
  | 'session_expired'
  /**
   * The code of a finished sign-in came again without the attempt id of that sign-in: from a thief, or from a button that
   * was hit twice. `detail` is `answered` within five seconds where the sign-in had no attempt id, otherwise `refused`.
   */
  | 'code_replayed'
  /**
   * A session was ended because its handle was superseded, and again after its holder had read its storage: two holders
   * use the session, such as its player and a thief.
   */
  | 'session_superseded'
  /**
   * The proof of a session's key was refused, at a sign-in or for the handle of a bound session: nothing was used. `detail`
   * is the check that failed, see `SessionProofError`. `missing`, `another_key` and `replayed` may come from a thief.
   */
  | 'session_proof_refused'
  /**
   * A live session belongs to another client of its identity provider: this application's client id, or the address of
   * the identity system, was changed. `detail` names both clients by their keys, as `vault status` does.
   */
  | 'grant_of_another_client'
  /** An authorization callback whose `state` was not started by this browser and this client. */
  | 'foreign_callback'
  /**
   * A logout token was refused. `detail` names the check that failed: `form`, `header`, `signature`, `claims`, `issuer`,
   * `audience` or `time`.
   */
  | 'logout_token_refused'
  /** A handoff of a finished sign-in came with another page's verifier. It was burned. */
  | 'foreign_handoff'
  /** A user, session or token was banned until a date. */
  | 'banned'
  /** Everything issued so far to a user, session or token was revoked. */
  | 'revoked'
  /** A revocation was lifted. */
  | 'restored'
  /**
   * Revocations could not be read for ten seconds, or not at all since the start: a newer ban is not seen. Published
   * once more with `detail: 'over'` when they were read again.
   */
  | 'revocations_unread'
  /** A grant was ended: a player signed out, or the application ended it. */
  | 'signed_out'
  /** A session was ended by a sign-in of its player on another device, because only so many are allowed at a time. */
  | 'session_displaced'
  /** A stored grant names another provider, client, user or session version than its tokens were encrypted for. */
  | 'relabelled_row'
  /** A stored grant is older than this process has seen it, or was revoked and is active again. */
  | 'restored_row'
  /** An encryption key was refused, or is used although it is weak. `detail` says which rule it breaks. */
  | 'refused_key'
  /** A refresh answered with tokens of another user or client. They were stored but not handed out. */
  | 'foreign_tokens_refreshed'
  /**
   * A function of the application, `resolveUser` or `authorize`, failed or took too long: the caller got a 503. `detail`
   * names the class of the error, never its message.
   */
  | 'player_unavailable'
  /** A token was issued in the future by more than the tolerated clock skew. */
  | 'issued_in_the_future'
  /**
   * The identity system refuses this client, or answers in a way that the options exclude: lasting until the options or
   * the registration of the client change. `detail` names the option.
   */
  | 'misconfigured_provider'
  /** The identity system's metadata sends credentials to a host that is not configured. `detail` names the host. */
  | 'foreign_endpoint';

/** An event that an operator should look at. Contains no token, secret or player data. */
export interface NowggSecurityEvent {
  readonly type: NowggSecurityEventType;
  /** Name of the identity provider. Absent when the event concerns no provider. */
  readonly provider?: string | undefined;
  /** Fixed text, or the name of an option, a host or a client's key. Never a token, a secret or player data. */
  readonly detail?: string | undefined;
  /** With `banned`, `revoked`, `restored`: who did it, as the application said. Not in the log. */
  readonly by?: string | undefined;
  /** With `banned`: the code of the reason. */
  readonly reasonCode?: string | undefined;
  /** With `banned` and `restored`: the feature, where the ban was from one only. */
  readonly feature?: string | undefined;
}

/** Name of the `node:diagnostics_channel` on which {@link NowggSecurityEvent} objects are published. */
export const NOWGG_SECURITY_CHANNEL = 'nestjs-nowgg-auth:security';

const securityChannel = new EventChannel<NowggSecurityEvent>(NOWGG_SECURITY_CHANNEL);

export function publishSecurityEvent(event: NowggSecurityEvent): void {
  securityChannel.publish(event);
}

/** Calls `watcher` for every event. Returns a function that ends the watch. */
export function watchSecurityEvents(watcher: (event: NowggSecurityEvent) => void): () => void {
  return securityChannel.watch(watcher);
}
