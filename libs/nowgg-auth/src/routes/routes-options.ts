import type { CanActivate, Type } from '@nestjs/common';

/** How the ready-made routes are mounted. */
export interface NowggRoutesOptions {
  /** Where they live, without a global prefix. Default `auth`. */
  path?: string;
  /**
   * Guards before every route that may cause a call: `login`, `refresh`, `logout`, `userinfo` and `sessioninfo`, or both
   * routes of the authorization flow. A rate limiter for example. They must be injectable everywhere.
   */
  guards?: readonly Type<CanActivate>[];
}

export const DEFAULT_ROUTES_PATH = 'auth';
