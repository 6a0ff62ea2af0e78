import type { InvalidReason, UnknownReason } from '../../identity/reasons.js';
import { type NowggPrincipal, principalOf, type TokenFacts, type TokenType } from '../../principal.js';

/**
 * The answer to "is this token good?", with three values. `invalid` is the identity system's own no or a certain
 * finding of ours; the absence of an answer is `unknown`, never `invalid`.
 */
export type Verdict =
  | { readonly status: 'valid'; readonly principal: NowggPrincipal }
  | { readonly status: 'invalid'; readonly reason: InvalidReason }
  | { readonly status: 'unknown'; readonly reason: UnknownReason; readonly retryAfterSeconds: number };

/** A verdict that accepts the token. */
export type Acceptance = Extract<Verdict, { status: 'valid' }>;

/** How strict one route is. Absent fields take the module's options. */
export interface AuthenticationPolicy {
  /** Oldest verdict that may serve, in milliseconds; may only tighten the module's `maxAgeMs`. 0 asks now. */
  readonly maxAgeMs?: number | undefined;
  /** `false` forbids an older verdict while the identity system cannot be asked. Default: allowed, unless `maxAgeMs` is 0. */
  readonly allowStale?: boolean | undefined;
  /** The only kind of token that is taken. Default: every kind in the module's `acceptTokenTypes`. */
  readonly tokenType?: TokenType | undefined;
  /** The only identity provider whose tokens are taken. Default: all that are configured. */
  readonly provider?: string | undefined;
  /** How long ago the player may have signed in (`auth_time`), in milliseconds. A token that does not say is refused. */
  readonly maxAuthAgeMs?: number | undefined;
}

/** The demands of a route that makes none. */
export const NO_POLICY: AuthenticationPolicy = Object.freeze({});

/** What is known of a request beside its token. Decides nothing about the token. */
export interface AuthenticationContext {
  /** Names the request's source, for budgets and bounds of one source. A function is called only when it is needed. */
  readonly source?: string | (() => string | undefined) | undefined;
}

export function invalid(reason: InvalidReason): Verdict {
  return { status: 'invalid', reason };
}

/** Builds the `valid` verdict for these facts; deeply frozen. */
export function acceptanceOf(facts: TokenFacts): Acceptance {
  return Object.freeze({ status: 'valid', principal: principalOf(facts) });
}
