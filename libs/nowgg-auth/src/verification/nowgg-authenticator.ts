import type { NowggBan } from '../errors.js';
import type { NowggPrincipal } from '../principal.js';
import type { HeldToken } from './held-token.js';
import { explanationOf, type RememberedVerdict, type VerdictExplanation } from './explanation.js';
import type { BoundCallers } from './possession/bound-callers.js';
import type { ForwardedCallers } from './forwarded-callers.js';
import type { AuthenticationContext, AuthenticationPolicy, Verdict } from './decision/verdict.js';

/**
 * Verifies tokens: makes the guard's decision without a guard.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { NowggAuthenticator } from 'nestjs-nowgg-auth';
 *
 * @Injectable()
 * export class LobbySockets {
 *   constructor(private readonly authenticator: NowggAuthenticator) {}
 *
 *   async mayJoin(token: string) {
 *     const verdict = await this.authenticator.authenticate(token);
 *     return verdict.status === 'valid';
 *   }
 * }
 * ```
 */
export abstract class NowggAuthenticator {
  /** Decides about callers whom a trusted proxy has authenticated. Default: undefined, no provider accepts such callers. */
  get forwardedCallers(): ForwardedCallers | undefined {
    return undefined;
  }

  /** Decides about callers whose token is bound to a key. Default: undefined, no provider accepts such tokens. */
  get boundCallers(): BoundCallers | undefined {
    return undefined;
  }

  /**
   * @param credential the token without the prefix `Bearer `
   * @param context data of the request in addition to its token; read only when the identity system is asked
   * @returns a verdict; never throws because of what a caller or the identity system sends
   *
   * @example
   * ```ts
   * import { NowggAuthenticator } from 'nestjs-nowgg-auth';
   *
   * export async function join(authenticator: NowggAuthenticator, token: string) {
   *   const verdict = await authenticator.authenticate(token, { maxAgeMs: 5_000 });
   *   if (verdict.status === 'valid') return { userId: verdict.principal.userId };
   *   if (verdict.status === 'invalid') return { refused: verdict.reason };
   *   return { tryAgainInSeconds: verdict.retryAfterSeconds }; // says nothing about the token
   * }
   * ```
   */
  abstract authenticate(
    credential: string,
    policy?: AuthenticationPolicy,
    context?: AuthenticationContext,
  ): Promise<Verdict> | Verdict;

  /** Decides like {@link authenticate} about the token that a connection keeps. Called for each of its messages. */
  authenticateHeld(
    held: HeldToken,
    policy?: AuthenticationPolicy,
    context?: AuthenticationContext,
  ): Promise<Verdict> | Verdict {
    return this.authenticate(held.reveal(), policy, context);
  }

  /**
   * Whether the token that a connection keeps is revoked, as far as this process knows, without a call to the identity
   * system. Undefined when it may be newer than a sign-out and that could not be looked up.
   *
   * @param _held undefined for a caller whom a trusted proxy has authenticated, who has no token
   */
  isRevoked(_held: HeldToken | undefined, _principal: NowggPrincipal): Promise<boolean | undefined> | boolean {
    return false;
  }

  /**
   * The ban that refuses the token that a connection keeps, for the message that ends it. Undefined for a token that a
   * sign-out refuses, and where bans are not explained. Never rejects.
   */
  findBan(
    _held: HeldToken | undefined,
    _principal: NowggPrincipal,
  ): NowggBan | undefined | Promise<NowggBan | undefined> {
    return undefined;
  }

  /**
   * Why the token that a connection keeps is refused, for the message that ends it. Called for one that no ban refuses.
   */
  causeOfEnd(_held: HeldToken | undefined, _principal: NowggPrincipal): 'revoked_token' | 'signed_in_elsewhere' {
    return 'revoked_token';
  }

  /**
   * Explains why a token is accepted or refused at this moment, for support staff. Decides like {@link authenticate},
   * and may also ask the identity system. The answer contains no part of the token.
   *
   * @example
   * ```ts
   * import { NowggAuthenticator } from 'nestjs-nowgg-auth';
   *
   * export async function whyRefused(authenticator: NowggAuthenticator, token: string) {
   *   const { outcome, reason, claimed } = await authenticator.explain(token);
   *   return { outcome, reason, expiresAt: claimed?.expiresAt };
   * }
   * ```
   */
  async explain(credential: string, policy?: AuthenticationPolicy): Promise<VerdictExplanation> {
    return explanationOf(credential, await this.authenticate(credential, policy));
  }

  /**
   * Returns what this process remembers about a token, and what it answers by that at this moment, without a question to the
   * identity system. Undefined when it remembers nothing.
   *
   * @example
   * ```ts
   * import { NowggAuthenticator } from 'nestjs-nowgg-auth';
   *
   * export async function isRemembered(authenticator: NowggAuthenticator, token: string) {
   *   const known = await authenticator.explainRemembered(token);
   *   return known?.isFresh === true;
   * }
   * ```
   */
  async explainRemembered(_credential: string): Promise<RememberedVerdict | undefined> {
    return undefined;
  }
}
