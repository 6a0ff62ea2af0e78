import type { TokenType } from '../principal.js';
import { routePolicyOf } from '../http/policy/policy.js';
import { textOfRule } from '../http/policy/requirement.decorators.js';
import { type AuditedGuard, globalGuardsOf, ownGuardsOf } from './audited-guards.js';
import type { AuditedApplication } from './audited-application.js';
import { type EntryPoint, entryPointsOf, type RouteKind } from './entry-points.js';

/** How one handler of an application is protected. */
export interface RoutePosture {
  /**
   * `http`: a route of a controller. `graphql`: a query, a mutation or a subscription. `field`: a field of a GraphQL
   * type. `websocket`: a message of a gateway. `message`: a pattern of a microservice.
   */
  readonly kind: RouteKind;
  /** What a caller names: method and path, operation, field, message or pattern. */
  readonly address: string;
  /** Class and method, such as `FriendsController.list`. */
  readonly handler: string;
  /** `open`: no token is needed. `parent`: a field that is reached through an operation, and decides nothing itself. */
  readonly access: 'required' | 'optional' | 'open' | 'parent';
  /** The guard that decides; null where none does. */
  readonly guardedBy: string | null;
  readonly scopes: readonly string[];
  /** Rules of the application about the caller, by decorators of `createCallerDecorator`: such as `@Roles("admin")`. */
  readonly rules: readonly string[];
  /** The only identity provider whose tokens are taken, if the route names one. */
  readonly provider: string | null;
  readonly tokenType: TokenType | null;
  /** The longest age of a verdict in milliseconds; null where the module's option counts. */
  readonly maxAgeMs: number | null;
  /** The longest time since the sign-in in milliseconds, if the route limits it. */
  readonly maxAuthAgeMs: number | null;
  /** All guards in the order in which they run. Those of the whole application are marked `(global)`. */
  readonly guards: readonly string[];
}

/** A handler with the guards that run for it. */
export interface AuditedRoute extends EntryPoint {
  readonly handlerName: string;
  readonly guards: readonly AuditedGuard[];
  /** Guards that are declared here and never run. */
  readonly idleGuards: readonly AuditedGuard[];
  readonly decider: AuditedGuard | undefined;
  /** Why guards of the whole application do not count here. */
  readonly outOfReach: string | undefined;
}

const BEYOND_REACH = {
  websocket: 'before Nest 12 no guard of the whole application reaches the messages of a gateway',
  field: "guards run for a field only with GraphQLModule's option fieldResolverEnhancers: ['guards']",
  own: 'a microservice beside HTTP has no guard of the whole application unless connectMicroservice() is called with { inheritAppConfig: true }',
  unknown:
    'a microservice beside HTTP has no guard of the whole application unless connectMicroservice() is called with { inheritAppConfig: true }, which cannot be seen here',
} as const;

/** Every handler, and every other method with a decorator of this module, with its guards. */
export function routesOf(application: AuditedApplication): AuditedRoute[] {
  const globals = globalGuardsOf(application.modules, application.config);
  return entryPointsOf(application.modules, application.config).map((entry) => {
    const outOfReach = beyondReach(entry.kind, application);
    const own = ownGuardsOf(entry);
    const ownRun = entry.kind !== 'field' || application.guardsReachFields === true;
    const guards = [...(outOfReach === undefined ? globals : []), ...(ownRun ? own : [])];
    const decider = guards.find(({ enforces }) => enforces) ?? guards.find(({ isPassport }) => isPassport);
    const handlerName = `${entry.host.name}.${entry.name}`;
    return { ...entry, handlerName, guards, idleGuards: ownRun ? [] : own, decider, outOfReach };
  });
}

function beyondReach(kind: RouteKind | undefined, application: AuditedApplication): string | undefined {
  if (kind === 'websocket' && !application.guardsReachGateways) return BEYOND_REACH.websocket;
  if (kind === 'field' && application.guardsReachFields !== true) return BEYOND_REACH.field;
  if (kind === 'message' && application.guardsReachPatterns === false) return BEYOND_REACH.own;
  if (kind === 'message' && application.guardsReachPatterns === undefined) return BEYOND_REACH.unknown;
  return undefined;
}

/** The table's row of a handler. */
export function postureOf(route: AuditedRoute & { readonly kind: RouteKind }): RoutePosture {
  const { kind, address, handlerName, guards, decider } = route;
  const policy = routePolicyOf(route.handler, route.host);
  const isField = kind === 'field' && decider === undefined && address !== 'reference';
  const { provider, tokenType, maxAgeMs, maxAuthAgeMs } = policy.authentication ?? {};
  return {
    kind,
    address,
    handler: handlerName,
    access: isField ? 'parent' : decider === undefined || policy.access === 'public' ? 'open' : policy.access,
    guardedBy: policy.access === 'public' ? null : (decider?.name ?? null),
    scopes: policy.scopes,
    rules: policy.requirements.map(textOfRule),
    provider: provider ?? null,
    tokenType: tokenType ?? null,
    maxAgeMs: maxAgeMs ?? null,
    maxAuthAgeMs: maxAuthAgeMs ?? null,
    guards: guards.map(({ name, isGlobal }) => (isGlobal ? `${name} (global)` : name)),
  };
}
