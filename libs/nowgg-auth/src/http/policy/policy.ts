import 'reflect-metadata';
import type { AuthenticationPolicy } from '../../verification/decision/verdict.js';
import { bearsEnforcingGuard } from './enforcing-guards.js';

/** What one level (a handler or a controller) was decorated with. */
export interface DeclaredPolicy {
  readonly isPublic?: true;
  readonly optional?: { readonly onInvalid: 'reject' | 'anonymous' };
  readonly scopes?: readonly string[];
  readonly authentication?: AuthenticationPolicy;
}

/** What a route asks of its callers: everything that the controller, its parents and the handler declare. */
export interface RoutePolicy {
  readonly access: 'required' | 'optional' | 'public';
  /** What a bad token makes of the caller of an optional route. */
  readonly onInvalid: 'reject' | 'anonymous';
  /** All of them must have been granted. */
  readonly scopes: readonly string[];
  readonly authentication: AuthenticationPolicy | undefined;
}

const POLICY = Symbol.for('nestjs-nowgg-auth:policy');

const UNDECORATED: RoutePolicy = Object.freeze<RoutePolicy>({
  access: 'required',
  onInvalid: 'reject',
  scopes: Object.freeze([]),
  authentication: undefined,
});
const policies = new WeakMap<object, WeakMap<object, RoutePolicy>>();

/**
 * The policy of a handler in a controller. Computed once for each pair.
 *
 * Demands (scopes, `@NowggAuth`) add up over the levels: the parents of the controller, the controller, the methods that
 * the handler overrides, the handler. Of one `@NowggAuth` field the most specific level wins. Whether a token is needed
 * is for the most specific level to say that declares anything. Only `@Public()` takes demands away, and a guard of this
 * module on a more specific level ends it. An overridden method opens nothing.
 */
export function routePolicyOf(handler: object, controller: object): RoutePolicy {
  return policies.get(handler)?.get(controller) ?? computeRoutePolicy(handler, controller);
}

/** Adds to what a level declares itself; what it inherits is left behind. */
export function declarePolicy(level: object, change: (declared: DeclaredPolicy) => DeclaredPolicy): void {
  Reflect.defineMetadata(POLICY, Object.freeze(change(declaredBy(level) ?? {})), level);
}

/** Whether any level of this route bears a decorator of this module. */
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

/** The policy after a level has added what it declares. A guard of this module on it ends a `@Public()` from above. */
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

/** The same with the scopes and the freshness that a level demands; a level that demands any needs a token. */
function withDemands(above: RoutePolicy, declared: DeclaredPolicy | undefined): RoutePolicy {
  if (!declared?.scopes && !declared?.authentication) return above;
  return Object.freeze<RoutePolicy>({
    access: 'required',
    onInvalid: 'reject',
    scopes: Object.freeze([...new Set([...above.scopes, ...(declared.scopes ?? [])])]),
    authentication: declared.authentication
      ? Object.freeze({ ...above.authentication, ...declared.authentication })
      : above.authentication,
  });
}

/** A class and its parents, the most remote one first. */
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

/** The methods of parents that this handler takes the place of, the most remote one first. */
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
