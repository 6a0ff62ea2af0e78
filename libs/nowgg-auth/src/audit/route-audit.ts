import type { INestApplicationContext } from '@nestjs/common';
import { type AuditedApplication, auditedFromOutside } from './audited-application.js';
import type { RouteKind } from './entry-points.js';
import { findingsOf, type RouteFinding } from './findings.js';
import { type AuditedRoute, postureOf, type RoutePosture, routesOf } from './posture.js';

/** How every handler of an application is protected, as plain data. The order is always the same. */
export interface RouteAudit {
  readonly routes: readonly RoutePosture[];
  readonly findings: readonly RouteFinding[];
}

/**
 * Lists the handlers of all modules of an application, their policies and their guards, and what is wrong with them.
 * Call it on an initialized application; nothing is sent and no handler runs.
 *
 * Whether a guard reads `user` is seen from its source, so that a guard that hides it (in another class, or minified)
 * is not found.
 *
 * @example
 * ```ts
 * import { writeFile } from 'node:fs/promises';
 * import type { INestApplication } from '@nestjs/common';
 * import { auditRoutes } from 'nestjs-nowgg-auth';
 *
 * // In a test: commit the file, and a change of a route's protection is visible in a review.
 * export async function writeRoutes(app: INestApplication) {
 *   const { routes, findings } = auditRoutes(app);
 *   await writeFile('nowgg-auth.routes.json', `${JSON.stringify(routes, null, 2)}\n`);
 *   return findings;
 * }
 * ```
 */
export function auditRoutes(app: INestApplicationContext): RouteAudit {
  return auditOf(auditedFromOutside(app));
}

/** The audit of an application whose providers are not created. With routes, message patterns count as beside HTTP. */
export function previewedAudit(app: INestApplicationContext): RouteAudit {
  const known = auditedFromOutside(app);
  const hasRoutes = routesOf(known).some(({ kind }) => kind === 'http');
  return auditOf({ ...known, guardsReachPatterns: hasRoutes ? undefined : true });
}

function auditOf(application: AuditedApplication): RouteAudit {
  const audited = routesOf(application);
  const routes = audited.filter(isReachable).map(postureOf);
  return { routes: routes.toSorted(byPlace), findings: findingsOf(audited, application.options) };
}

/**
 * The table of an audit in Markdown, with the findings below it.
 *
 * @example
 * ```ts
 * import type { INestApplication } from '@nestjs/common';
 * import { auditRoutes, routesMarkdown } from 'nestjs-nowgg-auth';
 *
 * export function printRoutes(app: INestApplication) {
 *   console.log(routesMarkdown(auditRoutes(app)));
 * }
 * ```
 */
export function routesMarkdown({ routes, findings }: RouteAudit): string {
  const rows = routes.map((route) => [
    route.kind,
    route.address,
    route.handler,
    route.access,
    route.scopes.join(' '),
    route.rules.join(' '),
    route.provider ?? '',
    freshness(route),
    route.guards.join(', '),
  ]);
  const head = ['kind', 'address', 'handler', 'access', 'scopes', 'rules', 'provider', 'freshness', 'guards'];
  const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`);
  const list = findings.map(({ kind, subject, message }) => `- ${kind}: ${subject}: ${message}`);
  return [...table, '', ...(list.length > 0 ? list : ['No findings.']), ''].join('\n');
}

function freshness({ tokenType, maxAgeMs, maxAuthAgeMs }: RoutePosture): string {
  return [
    ...(tokenType === null ? [] : [tokenType]),
    ...(maxAgeMs === null ? [] : [`verdict ${maxAgeMs} ms`]),
    ...(maxAuthAgeMs === null ? [] : [`sign-in ${maxAuthAgeMs} ms`]),
  ].join(', ');
}

/** Text that stays in its cell. */
function cell(text: string): string {
  return text.replaceAll(/[\\|]/g, '\\$&').replaceAll(/\s+/g, ' ');
}

function isReachable(route: AuditedRoute): route is AuditedRoute & { readonly kind: RouteKind } {
  return route.kind !== undefined;
}

function byPlace(a: RoutePosture, b: RoutePosture): number {
  const [first, second] = [a, b].map(({ kind, address, handler }) => `${kind}\n${address}\n${handler}`);
  return first === second ? 0 : String(first) < String(second) ? -1 : 1;
}
