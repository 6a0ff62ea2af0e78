import type { FactoryProvider, ModuleMetadata, Type } from '@nestjs/common';
import type { OnUnprotected } from '../audit/policy-check.js';
import type { NowggClock } from '../clock.js';
import type { IdentityHttpAgents } from '../identity/identity-http.js';
import type { NowggTransport } from '../http/transport.js';
import type { NowggAuthOptions } from '../options/options.js';
import type { RevocationStoreWiring } from '../revocation/revocation-store.js';
import type { NowggRoutesOptions } from '../routes/routes-options.js';
import type { AuthorizeWiring, ResolveUserWiring } from '../players/caller.js';
import type { TokenStoreWiring } from '../tokens/store/token-store.js';
import type { SharedCacheWiring } from '../verification/cache/shared-cache.js';

/** Parts that the module is built from, fixed when it is declared. Values are options and may come from a factory. */
export interface NowggAuthWiring {
  /**
   * Store for grants: `memoryTokenStore()` or `typeOrmTokenStore()`. Without one, `NowggTokenService` cannot be
   * injected; with one, `tokens.encryptionKeys` is required.
   */
  tokenStore?: TokenStoreWiring;
  /**
   * Store for revocations: `memoryRevocationStore()`, the default, for one process, or `typeOrmRevocationStore()` for
   * all processes that share a database.
   */
  revocationStore?: RevocationStoreWiring;
  /**
   * Cache of verdicts that processes share: `redisSharedCache()`. It only saves requests: without it, or while it is
   * down, each process asks the identity system itself. Needs `tokens.encryptionKeys`, or a separate key:
   * `redisSharedCache({ url, key })`. Processes share verdicts only when their identity providers have the same
   * configuration; the client secret does not matter.
   */
  sharedCache?: SharedCacheWiring;
  /**
   * Adds ready-made routes for sign-in, refresh, sign-out and data about the caller. They need a token store.
   * Default: none.
   */
  routes?: boolean | NowggRoutesOptions;
  /**
   * Name of the Passport strategy, default `nowgg`; false for none. Passport's names are global to a process: a second
   * module with the same name does not start. Closing the application frees the name.
   */
  strategyName?: string | false;
  /** Whether every module of the application sees this one without importing it. Default true. */
  isGlobal?: boolean;
  /**
   * Whether `NowggAuthGuard` guards every route of the application; `@Public()` exempts a route. `'first'` puts it before
   * every other guard of the application, so that a guard for roles or a throttler per player finds `request.user`; with
   * `true`, guards that the root module provides as `APP_GUARD` run before it. Default false.
   */
  globalGuard?: boolean | 'first';
  /**
   * What happens at the start when a handler is open and does not say so with `@Public()`, when a guard needs the user
   * and runs before ours, or when a guard is declared where Nest does not run it: routes, resolvers, gateways and message
   * patterns of all modules are examined. `fail` refuses to start and names each; `warn` logs them in one line.
   * Default: `warn` with `globalGuard`, otherwise `ignore`.
   */
  onUnprotected?: OnUnprotected;
  /**
   * Kinds of handler that the guard knows in addition to HTTP, such as `websockets()`. Default none: handlers of other
   * kinds are denied unless they are `@Public()`.
   */
  transports?: readonly NowggTransport[];
  /**
   * Finds the application's own user of each authenticated caller, for `@NowggPlayer()` and for guards, and creates it at
   * the first sign-in. A failure is a 503, or the `HttpException` that it throws; never an anonymous caller. Default: none.
   */
  resolveUser?: ResolveUserWiring;
  /**
   * Decides about each authenticated caller, after `resolveUser`; anything but true is a 403 `forbidden`. Not called for
   * anonymous callers and public routes. Default: none.
   */
  authorize?: AuthorizeWiring;
  /** The module's source of time. Default: the machine's clock. */
  clock?: NowggClock;
  /**
   * Agents for the calls to identity systems instead of the module's own, for example to use a forward proxy (an agent
   * of a proxy library) or to trust a private certificate authority. The module never reads proxy variables of the
   * environment and never closes these agents. All kinds of call share them, so keep Node's default for `maxSockets`:
   * with a limit, slow calls of one kind delay all others.
   */
  httpAgents?: IdentityHttpAgents;
}

/** Options and wiring in one object, for `NowggAuthModule.forRoot`. */
export interface NowggAuthModuleOptions extends NowggAuthOptions, NowggAuthWiring {}

/** Options that a factory may return, without wiring. A wiring key does not compile; at run time it stops the start. */
export type NowggAuthFactoryOptions = NowggAuthOptions & { readonly [Key in keyof NowggAuthWiring]?: never };

/** Creates the options of a module, for `useClass` and `useExisting`. */
export interface NowggAuthOptionsFactory {
  createNowggAuthOptions(): NowggAuthFactoryOptions | Promise<NowggAuthFactoryOptions>;
}

/** Wiring and exactly one source of the options, for `NowggAuthModule.forRootAsync`. */
export interface NowggAuthModuleAsyncOptions extends NowggAuthWiring {
  /** Modules whose providers the factory needs. */
  imports?: NonNullable<ModuleMetadata['imports']>;
  /** Dependencies passed to {@link useFactory}, in this order. */
  inject?: NonNullable<FactoryProvider['inject']>;
  /** Returns the options or a promise of them. */
  useFactory?: (...dependencies: never[]) => NowggAuthFactoryOptions | Promise<NowggAuthFactoryOptions>;
  /** A factory class that the module creates an instance of. */
  useClass?: Type<NowggAuthOptionsFactory>;
  /** A factory class that one of {@link imports}, or a global module, provides. */
  useExisting?: Type<NowggAuthOptionsFactory>;
}
