import type { NowggBan } from '../../errors.js';
import type { ProofFault } from '../../identity/proof-of-possession.js';
import type { InvalidReason, UnknownReason } from '../../identity/reasons.js';
import { type NowggPrincipal, principalOf, type TokenFacts, type TokenType } from '../../principal.js';

/**
 * The result of verifying a token, with three values. `invalid` is a refusal by the identity system or a certain
 * finding of this module; a missing answer is `unknown`, never `invalid`.
 */
export type Verdict =
  | { readonly status: 'valid'; readonly principal: NowggPrincipal }
  | { readonly status: 'invalid'; readonly reason: InvalidReason }
  | BannedVerdict
  | OldSignInVerdict
  | RefusedProofVerdict
  | { readonly status: 'unknown'; readonly reason: UnknownReason; readonly retryAfterSeconds: number };

/** A verdict that refuses a token that is good otherwise, because its player is banned. */
export interface BannedVerdict {
  readonly status: 'invalid';
  readonly reason: 'user_banned';
  readonly ban: NowggBan;
}

/** A verdict that refuses a token that is good otherwise, because its player's sign-in is too long ago for this route. */
export interface OldSignInVerdict {
  readonly status: 'invalid';
  readonly reason: 'insufficient_user_authentication';
  /** The `maxAuthAgeMs` of the route. */
  readonly maxAuthAgeMs: number;
}

/** A verdict that refuses the proof of possession that came with a token, and says nothing about the token. */
export interface RefusedProofVerdict {
  readonly status: 'invalid';
  readonly reason: 'invalid_proof';
  readonly fault: ProofFault;
}

/** A verdict that accepts the token. */
export type Acceptance = Extract<Verdict, { status: 'valid' }>;

/** The requirements of one route. Absent fields take the module's options. */
export interface AuthenticationPolicy {
  /** Maximum age of a verdict, in milliseconds; may only tighten the module's `maxAgeMs`. 0 always asks anew. */
  readonly maxAgeMs?: number | undefined;
  /**
   * `false` forbids an older verdict while the identity system cannot be asked. Default: allowed, unless `maxAgeMs`
   * is 0.
   */
  readonly allowStale?: boolean | undefined;
  /** The only kind of token that is accepted. Default: every kind in the module's `acceptTokenTypes`. */
  readonly tokenType?: TokenType | undefined;
  /** The only identity provider whose tokens are accepted. Default: all that are configured. */
  readonly provider?: string | undefined;
  /**
   * Maximum time since the player signed in (`auth_time`), in milliseconds. Others are refused as
   * `insufficient_user_authentication` (401, RFC 9470), and so is a token without `auth_time`.
   */
  readonly maxAuthAgeMs?: number | undefined;
}

/** The policy of a route without requirements of its own. */
export const NO_POLICY: AuthenticationPolicy = Object.freeze({});

/** Data of a request in addition to its token. Decides nothing about the token. */
export interface AuthenticationContext {
  /** Names the request's source, for budgets and for limits per source. A function is called only when it is needed. */
  readonly source?: string | (() => string | undefined) | undefined;
  /**
   * Whether the caller has gone, for example because it closed its connection. A request that waits to be sent is not
   * sent when all of its callers have gone.
   */
  readonly hasGone?: (() => boolean) | undefined;
  /** Whether the token was obtained by a sign-in that is in progress: a ban is explained in any case. */
  readonly isSignIn?: boolean | undefined;
}

export function invalid(reason: InvalidReason): Verdict {
  return { status: 'invalid', reason };
}

/** Builds the `valid` verdict for these facts; deeply frozen. */
export function acceptanceOf(facts: TokenFacts): Acceptance {
  return Object.freeze({ status: 'valid', principal: principalOf(facts) });
}
