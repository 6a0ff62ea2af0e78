import type { NowggPrincipal } from '../principal.js';
import type { RoutePolicy } from './policy.js';

/**
 * Where a request carries its decision. A registered symbol, so that a decorator and a guard agree even when two copies
 * of this package are loaded.
 */
const AUTHENTICATION = Symbol.for('nestjs-nowgg-auth:authentication');

/** What a guard or a strategy decided about a request. */
export interface Authentication {
  /** The authenticator that was asked: one per module instance. */
  readonly by: object;
  /** The policy that it was decided under; undefined for the Passport strategy, which knows no route. */
  readonly policy: RoutePolicy | undefined;
  /** Undefined for an anonymous caller and on a public route. */
  readonly principal: NowggPrincipal | undefined;
}

/** A request as Express or Fastify hand it to a handler. */
export interface AuthenticatedRequest {
  user?: unknown;
  [AUTHENTICATION]?: Authentication;
}

export function recordAuthentication(request: AuthenticatedRequest, authentication: Authentication): void {
  request[AUTHENTICATION] = authentication;
}

export function findAuthentication(request: AuthenticatedRequest): Authentication | undefined {
  return request[AUTHENTICATION];
}
