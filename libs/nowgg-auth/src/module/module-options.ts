import type { FactoryProvider, ModuleMetadata, Type } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import type { IdentityHttpAgents } from '../identity/identity-http.js';
import type { NowggAuthOptions } from '../options/options.js';
import type { RevocationStoreWiring } from '../revocation/revocation-store.js';
import type { NowggRoutesOptions } from '../routes/routes-options.js';
import type { TokenStoreWiring } from '../tokens/store/token-store-wiring.js';
import type { SharedCacheWiring } from '../verification/cache/shared-cache.js';

/** What the module is built of. Fixed when it is declared; values are options and may come from a factory. */
export interface NowggAuthWiring {
  /**
   * Where grants are kept: `memoryTokenStore()` or `typeOrmTokenStore()`. Without one, `NowggTokenService` cannot be
   * injected; with one, `tokens.encryptionKeys` is needed.
   */
  tokenStore?: TokenStoreWiring;
  /**
   * Where revocations are kept: `memoryRevocationStore()`, the default, for one process, or `typeOrmRevocationStore()`
   * for all that share a database.
   */
  revocationStore?: RevocationStoreWiring;
  /**
   * Verdicts that processes share, `redisSharedCache()`. Only an accelerator: without it, or while it is down, each process
   * asks the identity system itself. Needs `tokens.encryptionKeys`, or a key of its own: `redisSharedCache({ url, key })`.
   * Processes share verdicts only where their identity providers are configured alike; the client secret does not matter.
   */
  sharedCache?: SharedCacheWiring;
  /**
   * Mounts ready-made routes for sign-in, refresh and sign-out, and for what is known of the caller; needs a token store.
   * Default: none.
   */
  routes?: boolean | NowggRoutesOptions;
  /**
   * Name of the Passport strategy, default `nowgg`; false for none. Passport's names are global to a process: a second
   * live module with the same name refuses to boot, a closed application frees it.
   */
  strategyName?: string | false;
  /** Whether every module of the application sees this one without importing it. Default true. */
  isGlobal?: boolean;
  /** Whether `NowggAuthGuard` guards every route of the application; `@Public()` opens one. Default false. */
  globalGuard?: boolean;
  /** The module's source of time. Default: the machine's clock. */
  clock?: NowggClock;
  /**
   * Agents for the calls to identity systems instead of the module's own: the way through a forward proxy (an agent of a
   * proxy library) or to trust a private authority. Proxy variables of the environment are never obeyed. They stay the
   * application's: the module does not close them. They serve every kind of call, so leave their `maxSockets` at
   * Node's default: an agent that limits its sockets lets slow calls of one kind delay all others.
   */
  httpAgents?: IdentityHttpAgents;
}

/** Options and wiring in one object: what `NowggAuthModule.forRoot` takes. */
export interface NowggAuthModuleOptions extends NowggAuthOptions, NowggAuthWiring {}

/** Options without wiring: what a factory may return. A wiring key among them does not compile, and refuses to boot. */
export type NowggAuthFactoryOptions = NowggAuthOptions & { readonly [Key in keyof NowggAuthWiring]?: never };

/** Makes the options of a module, for `useClass` and `useExisting`. */
export interface NowggAuthOptionsFactory {
  createNowggAuthOptions(): NowggAuthFactoryOptions | Promise<NowggAuthFactoryOptions>;
}

/** What `NowggAuthModule.forRootAsync` takes: the wiring, and exactly one way to obtain the options. */
export interface NowggAuthModuleAsyncOptions extends NowggAuthWiring {
  /** Modules whose providers the factory needs. */
  imports?: NonNullable<ModuleMetadata['imports']>;
  /** What {@link useFactory} gets, in this order. */
  inject?: NonNullable<FactoryProvider['inject']>;
  /** Returns the options, now or later. */
  useFactory?: (...dependencies: never[]) => NowggAuthFactoryOptions | Promise<NowggAuthFactoryOptions>;
  /** A factory class that the module makes an instance of. */
  useClass?: Type<NowggAuthOptionsFactory>;
  /** A factory class that one of {@link imports}, or a global module, provides. */
  useExisting?: Type<NowggAuthOptionsFactory>;
}
