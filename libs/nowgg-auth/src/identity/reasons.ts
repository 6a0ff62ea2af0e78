import type { InvalidTokenReason } from '../errors.js';

/**
 * The reason why a token was refused. A verification never gives `missing_token`, because there was a token.
 * `wrong_provider`: the token is valid at another identity provider than the one that the route names.
 */
export type InvalidReason = Exclude<InvalidTokenReason, 'missing_token'> | 'wrong_provider';

/**
 * The reason of a verdict that refuses a token. `user_banned`: the application has banned its player.
 * `insufficient_user_authentication`: the player's sign-in is too long ago for this route. `invalid_proof`: the proof of
 * possession of a key (DPoP) that came with the token is not valid for this request.
 */
export type RefusalReason = InvalidReason | 'user_banned' | 'insufficient_user_authentication' | 'invalid_proof';

/** The reason why the identity system could not be asked, or why its answer is not trusted. */
export type UnknownReason =
  /** No complete answer before the deadline. */
  | 'timeout'
  /** Host name not resolved, connection refused or reset. */
  | 'network'
  /** The certificate is not valid for this host. */
  | 'tls'
  /** A 3xx: never followed, never a verdict. */
  | 'redirect'
  /** A 5xx, whatever its body. */
  | 'server_error'
  /** A 429, or the time in its `Retry-After` has not passed yet. */
  | 'rate_limited'
  /** A reply that is not a well-formed answer of this identity system. */
  | 'invalid_response'
  /** A well-formed answer about another token than the one that was sent. */
  | 'mismatched_reply'
  /** The refusal may be about the client secret: tokens of several players are refused and none is accepted. */
  | 'own_credentials_suspect'
  /** A token that was accepted before was refused once. A second request, two seconds later, decides. */
  | 'unconfirmed_refusal'
  /** Not sent: too many requests had no answer, and the next probe is not due yet. */
  | 'circuit_open'
  /** Not sent: the maximum number of concurrent requests is reached. */
  | 'overloaded'
  /** Not sent: the rate of calls that the identity system grants is used up. */
  | 'over_rate'
  /** Not sent: the application's own budget for requests is used up. */
  | 'over_budget'
  /**
   * The token names a signing key that the issuer's key set lacks, and the set was fetched too recently to fetch it
   * again. The key may be newly published.
   */
  | 'unknown_key'
  /**
   * The identity system works, but its metadata or answers contradict the options. The security event
   * `misconfigured_provider` names the option.
   */
  | 'misconfigured'
  /** Not sent: the system's metadata names hosts that are not configured. */
  | 'foreign_endpoint'
  /** The token was issued up to five minutes ahead of our clock, which may be slow. */
  | 'issued_in_the_future'
  /** Not decided: revocations, or when the token was issued, could not be read. */
  | 'revocations_unknown';
