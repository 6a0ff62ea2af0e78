import { IncomingMessage } from 'node:http';
import type { NowggPrincipal } from '../principal.js';
import type { RoutePolicy } from './policy/policy.js';

/**
 * Property under which a decision is stored. A registered symbol, so that a decorator and a guard agree even when two
 * copies of this package are loaded.
 */
const AUTHENTICATION = Symbol.for('nestjs-nowgg-auth:authentication');

/** The decision of a guard or a strategy about a request. */
export interface Authentication {
  readonly request: AuthenticatedRequest;
  /** The authenticator that was asked: one per module instance. */
  readonly by: object;
  /** The policy of the decision; undefined for the Passport strategy, which does not know the route. */
  readonly policy: RoutePolicy | undefined;
  /** Undefined for an anonymous caller and on a public route. */
  readonly principal: NowggPrincipal | undefined;
  /** The application's own user of the caller, once it was resolved. */
  player?: { readonly value: unknown } | undefined;
}

/** A request as Express or Fastify passes it to a handler. */
export interface AuthenticatedRequest {
  user?: unknown;
  /** The caller with the application's own user: for guards that run later. Set where the module has `resolveUser`. */
  nowgg?: { readonly principal: NowggPrincipal; readonly player: unknown };
}

interface Keeper {
  [AUTHENTICATION]?: Authentication;
}

export function recordAuthentication(authentication: Authentication): void {
  keeperOf(authentication.request)[AUTHENTICATION] = authentication;
}

export function findAuthentication(request: AuthenticatedRequest): Authentication | undefined {
  const authentication = keeperOf(request)[AUTHENTICATION];
  // An adapter may share one list of headers between all its requests.
  return authentication?.request === request ? authentication : undefined;
}

/**
 * The list of raw headers of a Node request, or the request itself. Express changes the prototype of every request,
 * which gives each its own hidden class: adding a property to such an object, or looking for a missing one, costs
 * microseconds. The list is an ordinary object. Other adapters may create theirs anew on each access. A `WeakMap` by
 * request would cost 0.9 µs more, and the guard 1.9 instead of 1.5 times the bare hash and look-up.
 */
function keeperOf(request: object): Keeper {
  // Typed as an object: neither has the property of a `Keeper` yet.
  const keeper: object = request instanceof IncomingMessage ? request.rawHeaders : request;
  return keeper;
}
