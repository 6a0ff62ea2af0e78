import { findPolicyMismatch } from '../http/policy/policy-faults.js';
import { hasDeclaredPolicy, routePolicyOf } from '../http/policy/policy.js';
import type { ResolvedNowggAuthOptions } from '../options/options.js';
import type { AuditedRoute } from './posture.js';

/** A weakness of an application that its decorators and guards show. */
export interface RouteFinding {
  /**
   * `unread_policy`: a decorator of this module has no effect. `loosened_policy`: a route does not tighten the options
   * of the module but widens them. Both stop the start of the application.
   *
   * `unknown_provider`: a route takes tokens of an identity provider that the module does not have; it answers 500.
   * `unguarded`: a handler is open and does not say so with `@Public()`. `guard_runs_first`: a guard reads `user`
   * before a guard of this module has set it. `idle_guard`: a guard is declared where Nest does not run it.
   */
  readonly kind:
    | 'unread_policy'
    | 'loosened_policy'
    | 'unknown_provider'
    | 'unguarded'
    | 'guard_runs_first'
    | 'idle_guard';
  /** The handler, or the guard, that the finding is about. */
  readonly subject: string;
  /** What is wrong, and what to do. */
  readonly message: string;
}

/** Every finding, each once. */
export function findingsOf(
  routes: readonly AuditedRoute[],
  options: readonly ResolvedNowggAuthOptions[],
): RouteFinding[] {
  const found = routes.flatMap((route) => [...policyFindings(route, options), ...guardFindings(route)]);
  return [...new Map(found.map((finding) => [`${finding.subject}: ${finding.message}`, finding])).values()];
}

/** Whether a finding always stops the start of the application. */
export function isMistake({ kind }: RouteFinding): boolean {
  return kind === 'unread_policy' || kind === 'loosened_policy';
}

function policyFindings(route: AuditedRoute, options: readonly ResolvedNowggAuthOptions[]): RouteFinding[] {
  const { handler, host, handlerName: subject } = route;
  if (!hasDeclaredPolicy(handler, host)) return [];
  const unread = unreadPolicy(route);
  if (unread !== undefined) return [{ kind: 'unread_policy', subject, message: unread }];
  const { authentication } = routePolicyOf(handler, host);
  if (authentication === undefined) return [];
  // An application may have several modules of this package; the route fits when it fits one of them.
  const mismatches = options.map((module) => findPolicyMismatch(authentication, module));
  const [mismatch] = mismatches;
  if (mismatch === undefined || mismatches.includes(undefined)) return [];
  const names = options.flatMap(({ identityProviders }) => identityProviders.map(({ name }) => name));
  const isForeign = authentication.provider !== undefined && !names.includes(authentication.provider);
  const kind = isForeign ? 'unknown_provider' : 'loosened_policy';
  return [{ kind, subject, message: `@NowggAuth: ${mismatch}` }];
}

function unreadPolicy({ guards, decider, handler, host, outOfReach, kind }: AuditedRoute): string | undefined {
  if (guards.some(({ enforces }) => enforces)) return undefined;
  if (decider?.isPassport) {
    return "AuthGuard of @nestjs/passport does not read this module's decorators: use NowggAuthGuard here";
  }
  if (routePolicyOf(handler, host).access === 'public') return undefined;
  const remedy =
    kind === 'field'
      ? outOfReach
      : `add @UseGuards(NowggAuthGuard)${outOfReach === undefined ? ' or globalGuard: true' : ''}, ` +
        'or mark a guard of your own that asks NowggAuthGuard with @EnforcesNowggPolicy()' +
        (outOfReach === undefined ? '' : `; ${outOfReach}`);
  return `no guard reads this module's decorators here: ${remedy}`;
}

function guardFindings(route: AuditedRoute): RouteFinding[] {
  const { kind, handler, host, handlerName, guards, idleGuards, decider, outOfReach } = route;
  if (kind === undefined) return [];
  const findings: RouteFinding[] = idleGuards.map(({ name }) => ({
    kind: 'idle_guard',
    subject: handlerName,
    message: `${name} does not run: ${outOfReach}`,
  }));
  const isEntry = kind !== 'field' || route.address === 'reference';
  if (isEntry && decider === undefined && routePolicyOf(handler, host).access !== 'public') {
    const reach = outOfReach === undefined ? '' : ` (${outOfReach})`;
    const message = `no guard of this module runs here${reach}: add @UseGuards(NowggAuthGuard), or @Public() if it is open`;
    findings.push({ kind: 'unguarded', subject: handlerName, message });
  }
  const place = guards.findIndex(({ enforces }) => enforces);
  for (const early of guards.slice(0, Math.max(place, 0))) {
    if (!early.readsUser || early.isPassport) continue;
    const ours = guards[place]?.name;
    findings.push(
      early.isGlobal
        ? {
            kind: 'guard_runs_first',
            subject: early.name,
            message: `it reads user and runs before ${ours}: set globalGuard: 'first'`,
          }
        : {
            kind: 'guard_runs_first',
            subject: handlerName,
            message: `${early.name} reads user and runs before ${ours}: name ${ours} first, or set globalGuard: 'first'`,
          },
    );
  }
  return findings;
}
