import 'reflect-metadata';
import type { AuthenticationPolicy } from '../verification/verdict.js';

/** What one level (a handler or a controller) was decorated with. */
export interface DeclaredPolicy {
  readonly isPublic?: true;
  readonly optional?: { readonly onInvalid: 'reject' | 'anonymous' };
  readonly scopes?: readonly string[];
  readonly authentication?: AuthenticationPolicy;
}

/** What a route asks of its callers: the most specific level that bears any of our decorators, as a whole. */
export interface RoutePolicy {
  readonly access: 'required' | 'optional' | 'public';
  /** What a bad token makes of the caller of an optional route. */
  readonly onInvalid: 'reject' | 'anonymous';
  /** All of them must have been granted. */
  readonly scopes: readonly string[];
  readonly authentication: AuthenticationPolicy | undefined;
}

const POLICY = Symbol.for('nestjs-nowgg-auth:policy');

const undecorated: RoutePolicy = toRoutePolicy({});
const policies = new WeakMap<object, WeakMap<object, RoutePolicy>>();

/** The policy of a handler in a controller. Computed once for each pair. */
export function routePolicyOf(handler: object, controller: object): RoutePolicy {
  return policies.get(handler)?.get(controller) ?? computeRoutePolicy(handler, controller);
}

/** Adds to what a level declares itself; what it inherits is left behind. */
export function declarePolicy(level: object, change: (declared: DeclaredPolicy) => DeclaredPolicy): void {
  const own = (Reflect.getOwnMetadata(POLICY, level) as DeclaredPolicy | undefined) ?? {};
  Reflect.defineMetadata(POLICY, Object.freeze(change(own)), level);
}

function computeRoutePolicy(handler: object, controller: object): RoutePolicy {
  const declared = (Reflect.getMetadata(POLICY, handler) ?? Reflect.getMetadata(POLICY, controller)) as
    | DeclaredPolicy
    | undefined;
  const policy = declared ? toRoutePolicy(declared) : undecorated;
  let ofHandler = policies.get(handler);
  if (!ofHandler) policies.set(handler, (ofHandler = new WeakMap()));
  ofHandler.set(controller, policy);
  return policy;
}

function toRoutePolicy(declared: DeclaredPolicy): RoutePolicy {
  return Object.freeze<RoutePolicy>({
    access: declared.isPublic ? 'public' : declared.optional ? 'optional' : 'required',
    onInvalid: declared.optional?.onInvalid ?? 'reject',
    scopes: declared.scopes ?? [],
    authentication: declared.authentication,
  });
}
