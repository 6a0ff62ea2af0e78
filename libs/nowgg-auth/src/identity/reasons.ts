import type { InvalidTokenReason } from '../errors.js';

/** Why a token was refused. `missing_token` never comes from a verification: there was a token. */
export type InvalidReason = Exclude<InvalidTokenReason, 'missing_token'>;

/** Why the identity system could not be asked, or its answer not be believed. */
export type UnknownReason =
  /** No complete answer before the deadline. */
  | 'timeout'
  /** Name not resolved, connection refused or reset. */
  | 'network'
  /** The certificate is not good for this host. */
  | 'tls'
  /** A 3xx: never followed, never a verdict. */
  | 'redirect'
  /** A 5xx, whatever its body. */
  | 'server_error'
  /** A 429, or still inside the time that its `Retry-After` named. */
  | 'rate_limited'
  /** A reply that is no well-formed answer of this identity system. */
  | 'invalid_response'
  /** A well-formed answer about another token than the one that was sent. */
  | 'mismatched_reply'
  /** The refusal may be about our own client secret: tokens of several players are refused and none is accepted. */
  | 'own_credentials_suspect'
  /** A token that was accepted before was refused once. A second refusal, asked for two seconds later, decides. */
  | 'unconfirmed_refusal'
  /** Not asked: too many questions had no answer, and the next probe is not due yet. */
  | 'circuit_open'
  /** Not asked: as many questions as are allowed at a time are under way. */
  | 'overloaded'
  /** Not asked: the application's own budget for questions is spent. */
  | 'over_budget'
  /**
   * The token names a signing key that the issuer's key set lacks, and the set was fetched too recently to ask again: the
   * key may be a newly published one.
   */
  | 'unknown_key'
  /** Not asked: the system's metadata names hosts that are not configured, so nothing is sent there. */
  | 'foreign_endpoint'
  /** The token was issued up to five minutes ahead of our clock, which may be slow. */
  | 'issued_in_the_future'
  /** Not decided: revocations, or when the token was issued, could not be read. */
  | 'revocations_unknown';
