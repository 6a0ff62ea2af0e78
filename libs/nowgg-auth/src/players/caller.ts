import type { ExecutionContext, FactoryProvider, ModuleMetadata } from '@nestjs/common';
import type { NowggPrincipal } from '../principal.js';

/** An authenticated caller of a handler: the principal, and the application's own user of it. */
export interface NowggCaller<Player = unknown> {
  readonly principal: NowggPrincipal;
  /** The result of `resolveUser`; undefined without that option. */
  readonly player: Player;
  /** The call that the guard decides about, for metadata of the handler. */
  readonly context: ExecutionContext;
}

/** Decides about an authenticated caller. Only `true`, or a promise of it, admits; everything else is a 403. */
export type CallerCheck<Player = unknown> = (caller: NowggCaller<Player>) => boolean | Promise<boolean>;

/** Returns the application's own user of a principal, and creates it at the first sign-in. */
export type UserResolver<Player = unknown> = (principal: NowggPrincipal) => Player | Promise<Player>;

interface HookWiring {
  /** Modules whose providers the factory needs. */
  imports?: NonNullable<ModuleMetadata['imports']>;
  /** Dependencies passed to `useFactory`, in this order. */
  inject?: NonNullable<FactoryProvider['inject']>;
}

/** Creation of the function that resolves the application's own users. */
export interface ResolveUserWiring extends HookWiring {
  /** Returns the function, which is called at most once at a time for each user. */
  useFactory: (...dependencies: never[]) => UserResolver;
  /**
   * Time for which a resolved user is used without asking again, in milliseconds. Default: `verification.maxAgeMs`,
   * 30,000; 0 asks for every request. `NowggPlayers.invalidate` ends it earlier.
   */
  maxAgeMs?: number;
}

/** Creation of the function that decides about every authenticated caller. */
export interface AuthorizeWiring extends HookWiring {
  useFactory: (...dependencies: never[]) => (caller: NowggCaller<never>) => boolean | Promise<boolean>;
}
