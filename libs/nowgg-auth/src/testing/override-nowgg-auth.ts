import type { TestingModuleBuilder } from '@nestjs/testing';
import { NowggClock } from '../clock.js';
import { NowggConfigurationError } from '../errors.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import { OPTIONAL_SHARED_CACHE, SharedCache } from '../verification/cache/shared-cache.js';
import { TestIdentityProvider } from './test-identity-provider.js';

/** Options of {@link overrideNowggAuth}. */
export interface OverrideNowggAuthOptions {
  /** The module's source of time. Default: the one that the module is configured with. */
  readonly clock?: NowggClock;
}

/**
 * Prepares an application for tests: every identity system, whatever its kind, is replaced by one in this process that
 * accepts the users of `asUser`. Nothing goes over the network, and a shared cache is left out. Guards, policies,
 * scopes, expiry, bans, stores and the token service are the real ones. Works with guards on controllers, with
 * `globalGuard: true` and with several modules.
 *
 * @returns the builder
 * @throws NowggConfigurationError with `NODE_ENV=production`
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { Test } from '@nestjs/testing';
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { overrideNowggAuth } from 'nestjs-nowgg-auth/testing';
 *
 * @Module({ imports: [NowggAuthModule.forRoot({ clientId: 'game', globalGuard: true })] })
 * class AppModule {}
 *
 * export async function startApp() {
 *   const module = await overrideNowggAuth(Test.createTestingModule({ imports: [AppModule] })).compile();
 *   return module.createNestApplication().init();
 * }
 * ```
 */
export function overrideNowggAuth(
  builder: TestingModuleBuilder,
  { clock }: OverrideNowggAuthOptions = {},
): TestingModuleBuilder {
  if (process.env.NODE_ENV === 'production') {
    throw new NowggConfigurationError('overrideNowggAuth is for tests: it must not be used with NODE_ENV=production');
  }
  if (clock) builder.overrideProvider(NowggClock).useValue(clock);
  builder.overrideProvider(OPTIONAL_SHARED_CACHE).useValue(undefined);
  builder.overrideProvider(SharedCache).useValue(undefined);
  return builder.overrideProvider(IdentityProviders).useFactory({
    factory: (options: ResolvedNowggAuthOptions, time: NowggClock) => {
      const names = options.identityProviders.map(({ name }) => name);
      return new IdentityProviders(names.map((name, at) => new TestIdentityProvider(name, at === 0, time)));
    },
    inject: [RESOLVED_OPTIONS, NowggClock],
  });
}
