import type { CanActivate, Type } from '@nestjs/common';
import { arrayOf, faultsOf, isFunction, isRecord, matching, type Rules } from '../rules.js';

/** Options of the ready-made routes. */
export interface NowggRoutesOptions {
  /** Path of the routes, without a global prefix. Default `auth`. */
  path?: string;
  /**
   * Guards before every route that may cause a call: `login`, `refresh`, `logout`, `userinfo` and `sessioninfo`, or
   * both routes of the authorization flow. For example a rate limiter. They must be injectable everywhere.
   */
  guards?: readonly Type<CanActivate>[];
}

export const DEFAULT_ROUTES_PATH = 'auth';

const ROUTES: Rules<keyof NowggRoutesOptions> = {
  path: [matching(/^[\w/-]{1,128}$/), 'must be 1 to 128 characters of A-Z a-z 0-9 _ - /'],
  guards: [arrayOf(isFunction), 'must be an array of classes'],
};

/** Faults of an option `routes`. */
export function routesFaults(routes: unknown = false, name: string): string[] {
  if (typeof routes === 'boolean') return [];
  return isRecord(routes)
    ? faultsOf(ROUTES, routes, `${name}.`)
    : [`${name} must be true, false, or { path?, guards? }`];
}

/** Options of the ready-made routes; undefined without routes and for faulty ones. */
export function routesOf(routes: boolean | NowggRoutesOptions = false): NowggRoutesOptions | undefined {
  if (routes === false || routesFaults(routes, '').length > 0) return undefined;
  return routes === true ? {} : routes;
}
