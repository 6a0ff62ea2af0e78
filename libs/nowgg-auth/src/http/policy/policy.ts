import 'reflect-metadata';
import type { CallerCheck } from '../../players/caller.js';
import type { AuthenticationPolicy } from '../../verification/decision/verdict.js';
import { bearsEnforcingGuard } from './enforcing-guards.js';

/** The policy that the decorators of one level (a handler or a controller) declare. */
export interface DeclaredPolicy {
  readonly isPublic?: true;
  readonly optional?: { readonly onInvalid: 'reject' | 'anonymous' };
  readonly scopes?: readonly string[];
  readonly features?: readonly string[];
  readonly authentication?: AuthenticationPolicy;
  readonly requirements?: readonly CallerCheck[];
}

/** The requirements of a route: everything that the controller, its parents and the handler declare. */
export interface RoutePolicy {
  readonly access: 'required' | 'optional' | 'public';
  /** Whether an optional route refuses an invalid token or treats its caller as anonymous. */
  readonly onInvalid: 'reject' | 'anonymous';
  /** Scopes that must all have been granted. */
  readonly scopes: readonly string[];
  /** Features from which the caller must not be banned. */
  readonly features: readonly string[];
  readonly authentication: AuthenticationPolicy | undefined;
  /** Rules of the application about the caller that must all hold. */
  readonly requirements: readonly CallerCheck[];
}

const POLICY = Symbol.for('nestjs-nowgg-auth:policy');

/** The policy of a route without decorators: a token is needed. */
export const UNDECORATED: RoutePolicy = Object.freeze<RoutePolicy>({
  access: 'required',
  onInvalid: 'reject',
  scopes: Object.freeze([]),
  features: Object.freeze([]),
  authentication: undefined,
  requirements: Object.freeze([]),
});
const policies = new WeakMap<object, WeakMap<object, RoutePolicy>>();

/**
 * The policy of a handler in a controller. Computed once for each pair.
 *
 * Requirements (scopes, `@NowggAuth`, rules of the application) add up over the levels: the parents of the controller, the controller, the
 * methods that the handler overrides, the handler. For one `@NowggAuth` field the most specific level wins. The most
 * specific level that declares anything decides whether a token is needed. Only `@Public()` removes requirements, and a
 * guard of this module on a more specific level cancels it. An overridden method never makes a route public or
 * optional.
 */
export function routePolicyOf(handler: object, controller: object): RoutePolicy {
  return policies.get(handler)?.get(controller) ?? computeRoutePolicy(handler, controller);
}

/** Adds to the policy that a level declares itself, without the inherited part. */
export function declarePolicy(level: object, change: (declared: DeclaredPolicy) => DeclaredPolicy): void {
  Reflect.defineMetadata(POLICY, Object.freeze(change(declaredBy(level) ?? {})), level);
}

/** Whether any level of this route has a decorator of this module. */
export function hasDeclaredPolicy(handler: object, controller: object): boolean {
  return [...classesOf(controller), ...overriddenBy(handler, controller), handler].some((level) => declaredBy(level));
}

function computeRoutePolicy(handler: object, controller: object): RoutePolicy {
  let policy = UNDECORATED;
  for (const level of classesOf(controller)) policy = at(level, policy);
  for (const method of overriddenBy(handler, controller)) policy = withDemands(policy, declaredBy(method));
  policy = at(handler, policy);
  let ofHandler = policies.get(handler);
  if (!ofHandler) policies.set(handler, (ofHandler = new WeakMap()));
  ofHandler.set(controller, policy);
  return policy;
}

function declaredBy(level: object): DeclaredPolicy | undefined {
  return Reflect.getOwnMetadata(POLICY, level) as DeclaredPolicy | undefined;
}

/** Adds what a level declares to the policy. A guard of this module on the level cancels a `@Public()` from above. */
function at(level: object, above: RoutePolicy): RoutePolicy {
  const declared = declaredBy(level);
  if (!declared) return above.access === 'public' && bearsEnforcingGuard(level) ? UNDECORATED : above;
  if (declared.isPublic) return Object.freeze<RoutePolicy>({ ...UNDECORATED, access: 'public' });
  return Object.freeze<RoutePolicy>({
    ...withDemands(above, declared),
    access: declared.optional ? 'optional' : 'required',
    onInvalid: declared.optional?.onInvalid ?? 'reject',
  });
}

/** Adds the scopes and the `@NowggAuth` policy that a level requires; a level that requires any needs a token. */
function withDemands(above: RoutePolicy, declared: DeclaredPolicy | undefined): RoutePolicy {
  if (!declared?.scopes && !declared?.features && !declared?.authentication && !declared?.requirements) return above;
  return Object.freeze<RoutePolicy>({
    access: 'required',
    onInvalid: 'reject',
    scopes: Object.freeze([...new Set([...above.scopes, ...(declared.scopes ?? [])])]),
    features: Object.freeze([...new Set([...above.features, ...(declared.features ?? [])])]),
    authentication: declared.authentication
      ? Object.freeze({ ...above.authentication, ...declared.authentication })
      : above.authentication,
    requirements: Object.freeze([...above.requirements, ...(declared.requirements ?? [])]),
  });
}

/** A class and its parents, the furthest ancestor first. */
function classesOf(controller: object): object[] {
  const chain: object[] = [];
  for (let level: object | null = controller; isClass(level); level = Object.getPrototypeOf(level) as object | null) {
    chain.unshift(level);
  }
  return chain;
}

function isClass(level: object | null): level is object {
  return typeof level === 'function' && level !== Function.prototype;
}

/** The methods of parent classes that this handler overrides, that of the furthest ancestor first. */
function overriddenBy(handler: object, controller: object): object[] {
  const methods: object[] = [];
  let key: string | symbol | undefined;
  for (const level of classesOf(controller).toReversed()) {
    const prototype = (level as { prototype?: object }).prototype ?? {};
    const descriptors = Object.getOwnPropertyDescriptors(prototype) as Record<string | symbol, PropertyDescriptor>;
    key ??= Reflect.ownKeys(descriptors).find((name) => descriptors[name]?.value === handler);
    const method: unknown = key === undefined ? undefined : descriptors[key]?.value;
    if (typeof method === 'function' && method !== handler) methods.unshift(method);
  }
  return methods;
}
