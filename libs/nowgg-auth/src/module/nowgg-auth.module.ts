import { type CanActivate, type DynamicModule, type InjectionToken, Module, type Provider } from '@nestjs/common';
import { APP_GUARD, ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { NowggAccountService } from '../account/nowgg-account.service.js';
import { FIRST_GUARD } from '../audit/audited-guards.js';
import { ON_UNPROTECTED, PolicyCheck } from '../audit/policy-check.js';
import { NowggClock, SystemClock } from '../clock.js';
import { HeldConnections } from '../connections/held-connections.js';
import { NowggAuthExceptionFilter } from '../http/nowgg-auth.filter.js';
import { NowggAuthGuard } from '../http/nowgg-auth.guard.js';
import { NowggStrategy, STRATEGY_NAME } from '../http/nowgg.strategy.js';
import { Transports } from '../http/transport.js';
import { applyGuardOverrides, GLOBAL_GUARD, GuardCarrier } from './guard-overrides.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import type { NowggAuthModuleAsyncOptions, NowggAuthModuleOptions, NowggAuthWiring } from './module-options.js';
import {
  declareWith,
  declareWithFactory,
  GIVEN_OPTIONS,
  isHttpAgents,
  isProviderFactory,
  type ModuleDeclaration,
  transportsOf,
} from './module-wiring.js';
import { RESOLVED_OPTIONS } from '../options/options.js';
import { DEFAULT_STRATEGY_NAME } from '../options/defaults.js';
import { hookImports, playerProviders } from './player-providers.js';
import { CallerHooks } from '../players/caller-hooks.js';
import { NowggPlayers } from '../players/nowgg-players.js';
import { NowggHealthService } from '../health/nowgg-health.service.js';
import { explainService } from './explain-providers.js';
import { healthService } from './health-providers.js';
import { NowggExplainService } from '../explain/nowgg-explain.service.js';
import { NowggKeepAliveService } from '../keep-alive/nowgg-keep-alive.service.js';
import { LiveCopy } from './live-copy.js';
import { startLine } from './start-line.js';
import { eventStreams } from './stream-providers.js';
import { revocationProviders } from './revocation-providers.js';
import { NowggRevocationService } from '../revocation/nowgg-revocation.service.js';
import { routesOf } from '../routes/routes-options.js';
import { routesController } from '../routes/routes.controller.js';
import { tokenProviders } from './token-providers.js';
import { NowggAuditService } from '../trail/nowgg-audit.service.js';
import { NowggTokenService } from '../tokens/nowgg-token-service.js';
import { NowggVaultService } from '../tokens/upkeep/nowgg-vault-service.js';
import { TokenStore, WIRED_TOKEN_SERVICE } from '../tokens/store/token-store.js';
import { NowggLog } from '../events/nowgg-log.js';
import { verificationProviders } from './verification-providers.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';

/**
 * now.gg sign-in for a Nest application. Each declaration is a separate module that shares no state with another.
 * With invalid options or wiring the application does not start: one `NowggConfigurationError` names all faults.
 */
@Module({})
export class NowggAuthModule {
  /**
   * Declares the module with options and wiring in one object.
   *
   * @example
   * ```ts
   * import { Module } from '@nestjs/common';
   * import { NowggAuthModule } from 'nestjs-nowgg-auth';
   *
   * @Module({
   *   imports: [
   *     NowggAuthModule.forRoot({
   *       clientId: process.env.NOWGG_CLIENT_ID ?? '',
   *       clientSecret: process.env.NOWGG_CLIENT_SECRET ?? '',
   *       globalGuard: true, // every route; @Public() opens one
   *     }),
   *   ],
   * })
   * export class AppModule {}
   * ```
   */
  static forRoot(options: NowggAuthModuleOptions): DynamicModule {
    return dynamicModule(declareWith(options), []);
  }

  /**
   * Declares the module with its wiring here and its options from a factory, which must not return wiring.
   *
   * @example
   * ```ts
   * import { memoryTokenStore, NowggAuthModule } from 'nestjs-nowgg-auth';
   *
   * export const auth = NowggAuthModule.forRootAsync({
   *   tokenStore: memoryTokenStore(), // wiring stands outside the factory
   *   useFactory: async () => ({
   *     clientId: process.env.NOWGG_CLIENT_ID ?? '',
   *     clientSecret: process.env.NOWGG_CLIENT_SECRET ?? '',
   *     tokens: { encryptionKeys: [{ id: 'k1', key: process.env.NOWGG_KEY_1 ?? '' }] },
   *   }),
   * });
   * ```
   */
  static forRootAsync(options: NowggAuthModuleAsyncOptions): DynamicModule {
    return dynamicModule(declareWithFactory(options), options.imports ?? []);
  }
}

function dynamicModule(
  declaration: ModuleDeclaration,
  imports: NonNullable<NowggAuthModuleAsyncOptions['imports']>,
): DynamicModule {
  const { wiring } = declaration;
  const routes = routesOf(wiring.routes);
  return {
    module: NowggAuthModule,
    controllers: routes ? [routesController(routes)] : [],
    global: wiring.isGlobal ?? true,
    imports: [...imports, ...hookImports(wiring)],
    providers: [
      LiveCopy,
      ...optionProviders(declaration),
      ...verificationProviders(
        isProviderFactory(wiring.sharedCache) ? wiring.sharedCache : undefined,
        isHttpAgents(wiring.httpAgents) ? wiring.httpAgents : undefined,
      ),
      ...playerProviders(wiring),
      healthService,
      explainService,
      ...httpProviders(wiring),
      ...revocationProviders(isProviderFactory(wiring.revocationStore) ? wiring.revocationStore : undefined),
      ...tokenProviders(isProviderFactory(wiring.tokenStore) ? wiring.tokenStore : undefined),
    ],
    exports: [
      NowggAccountService,
      NowggAuthenticator,
      NowggAuthExceptionFilter,
      NowggAuthGuard,
      HeldConnections,
      IdentityProviders,
      CallerHooks,
      NowggClock,
      NowggPlayers,
      NowggHealthService,
      NowggAuditService,
      NowggExplainService,
      NowggRevocationService,
      NowggTokenService,
      NowggVaultService,
      NowggKeepAliveService,
      RESOLVED_OPTIONS,
      Transports,
      ...transportsOf(wiring).flatMap(({ providers = [] }) => providers.map(tokenOf)),
      ...(isProviderFactory(wiring.tokenStore) ? [TokenStore, WIRED_TOKEN_SERVICE] : []),
    ],
  };
}

function tokenOf(provider: Provider): InjectionToken {
  return typeof provider === 'function' ? provider : provider.provide;
}

function optionProviders({ wiring, providers, resolve }: ModuleDeclaration): Provider[] {
  return [
    ...providers,
    {
      provide: RESOLVED_OPTIONS,
      useFactory: (given: unknown, log: NowggLog) => {
        try {
          const resolved = resolve(given);
          log.configure(resolved.logging);
          return resolved;
        } catch (error) {
          log.close();
          throw error;
        }
      },
      inject: [GIVEN_OPTIONS, NowggLog],
    },
    { provide: NowggClock, useValue: wiring.clock ?? new SystemClock() },
    { provide: NowggLog, useFactory: (clock: NowggClock) => new NowggLog(clock), inject: [NowggClock] },
    startLine(wiring),
  ];
}

function httpProviders(wiring: NowggAuthWiring): Provider[] {
  const { strategyName = DEFAULT_STRATEGY_NAME, globalGuard = false } = wiring;
  const onUnprotected = wiring.onUnprotected ?? (globalGuard === false ? 'ignore' : 'warn');
  const transports = transportsOf(wiring);
  return [
    { provide: Transports, useValue: new Transports(transports) },
    ...transports.flatMap(({ providers = [] }) => providers),
    NowggAuthGuard,
    NowggAuthExceptionFilter,
    { provide: ON_UNPROTECTED, useValue: onUnprotected },
    PolicyCheck,
    eventStreams,
    ...(strategyName === false ? [] : [{ provide: STRATEGY_NAME, useValue: strategyName }, NowggStrategy]),
    GuardCarrier,
    { provide: GLOBAL_GUARD, useFactory: applyGuardOverrides, inject: [NowggAuthGuard, ModulesContainer] },
    // Injects the guard as well, by which the policy check recognises it.
    ...(globalGuard === true
      ? [{ provide: APP_GUARD, useFactory: (guard: CanActivate) => guard, inject: [GLOBAL_GUARD, NowggAuthGuard] }]
      : []),
    ...(globalGuard === 'first' ? [firstGuard] : []),
  ];
}

/**
 * Adds the guard while providers are created. Nest adds what modules provide as `APP_GUARD` afterwards, in the order of
 * the modules, the root module first; at `onModuleInit` it would be too late for gateways.
 */
const firstGuard: Provider = {
  provide: FIRST_GUARD,
  useFactory: (config: ApplicationConfig, guard: CanActivate) => {
    config.useGlobalGuards(guard);
    return guard;
  },
  // Injects the guard as well, by which the audit recognises it.
  inject: [ApplicationConfig, GLOBAL_GUARD, NowggAuthGuard],
};
