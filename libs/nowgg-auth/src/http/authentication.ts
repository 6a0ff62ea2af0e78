import { IncomingMessage } from 'node:http';
import type { NowggPrincipal } from '../principal.js';
import type { HeldToken } from '../verification/held-token.js';
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
  /** Reads the token of the request again and encrypts it, for a response that may outlive it. */
  readonly hold?: ((request: AuthenticatedRequest) => HeldToken | undefined) | undefined;
}

/** The caller of a request. */
export interface NowggRequestCaller {
  readonly principal: NowggPrincipal;
  /** The result of `resolveUser`; undefined without that option. */
  readonly player: unknown;
  /**
   * Aborted while the response is open when the caller's token expires, and when this process learns of a ban or a
   * sign-out; its `reason` is the `NowggAuthError`. For responses that the application writes itself: it ends them, not
   * this module. Watches from the first read on. Undefined outside of HTTP handlers.
   */
  readonly ended?: AbortSignal | undefined;
}

/** A request as Express or Fastify passes it to a handler. */
export interface AuthenticatedRequest {
  user?: unknown;
  /** The caller, for guards that run later and for streams; set by `NowggAuthGuard`. Absent for an anonymous caller. */
  nowgg?: NowggRequestCaller;
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

/** Whether a decision is about a caller, and not about an anonymous one. */
export function isOfCaller(
  decision: Authentication | undefined,
): decision is Authentication & { readonly principal: NowggPrincipal } {
  return decision?.principal !== undefined;
}
