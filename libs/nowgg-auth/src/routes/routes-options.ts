import type { CanActivate, Type } from '@nestjs/common';

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
