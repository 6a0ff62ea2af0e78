import type { CanActivate, Type } from '@nestjs/common';
import { PUBLIC_URLS } from '../identity/urls.js';
import { arrayOf, faultsOf, isFunction, isRecord, matching, type Rules } from '../rules.js';

/** Options of the ready-made routes. */
export interface NowggRoutesOptions {
  /** Path of the routes, without a global prefix. Default `auth`. */
  path?: string;
  /**
   * The address of this API as clients know it, such as `https://api.example.com`, with a path where a proxy removes one;
   * or several. Sessions may then be bound to a key of the client, see `tokens.sessions.binding`: its proofs are made for
   * this address and the path of the request, never for `Host` or a forwarded header. Default: none, no session is bound.
   */
  publicUrl?: string | readonly string[];
  /**
   * Guards before every route that may cause a call: `login`, `refresh`, `logout`, `userinfo` and `sessioninfo`, or
   * both routes of the authorization flow. For example a rate limiter. They must be injectable everywhere.
   */
  guards?: readonly Type<CanActivate>[];
}

export const DEFAULT_ROUTES_PATH = 'auth';

const ROUTES: Rules<keyof NowggRoutesOptions> = {
  path: [matching(/^[\w/-]{1,128}$/), 'must be 1 to 128 characters of A-Z a-z 0-9 _ - /'],
  publicUrl: PUBLIC_URLS,
  guards: [arrayOf(isFunction), 'must be an array of classes'],
};

/** Faults of an option `routes`. */
export function routesFaults(routes: unknown = false, name: string): string[] {
  if (typeof routes === 'boolean') return [];
  return isRecord(routes)
    ? faultsOf(ROUTES, routes, `${name}.`)
    : [`${name} must be true, false, or { path?, publicUrl?, guards? }`];
}

/** Options of the ready-made routes; undefined without routes and for faulty ones. */
export function routesOf(routes: boolean | NowggRoutesOptions = false): NowggRoutesOptions | undefined {
  if (routes === false || routesFaults(routes, '').length > 0) return undefined;
  return routes === true ? {} : routes;
}
