import { IncomingMessage } from 'node:http';
import type { NowggPrincipal } from '../principal.js';
import type { RoutePolicy } from './policy/policy.js';

/**
 * Where a decision is kept. A registered symbol, so that a decorator and a guard agree even when two copies of this
 * package are loaded.
 */
const AUTHENTICATION = Symbol.for('nestjs-nowgg-auth:authentication');

/** What a guard or a strategy decided about a request. */
export interface Authentication {
  readonly request: AuthenticatedRequest;
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
}

interface Keeper {
  [AUTHENTICATION]?: Authentication;
}

export function recordAuthentication(authentication: Authentication): void {
  keeperOf(authentication.request)[AUTHENTICATION] = authentication;
}

export function findAuthentication(request: AuthenticatedRequest): Authentication | undefined {
  const authentication = keeperOf(request)[AUTHENTICATION];
  // An adapter may give all its requests one and the same list of headers.
  return authentication?.request === request ? authentication : undefined;
}

/**
 * The list of raw headers of a request of Node's, or the request itself. Express changes the prototype of every request,
 * which gives each a hidden class of its own: a property that is added to such an object, or looked for in vain, costs
 * microseconds. A list is an ordinary one. Other adapters may make theirs anew for everybody who asks.
 */
function keeperOf(request: object): Keeper {
  // As objects: neither has a property of a keeper's yet.
  const keeper: object = request instanceof IncomingMessage ? request.rawHeaders : request;
  return keeper;
}
