import { type ModuleMetadata, type Provider, Scope } from '@nestjs/common';
import { NowggClock } from '../clock.js';
import { NowggConfigurationError } from '../errors.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import type { CallerCheck, ResolveUserWiring, UserResolver } from '../players/caller.js';
import { CallerHooks } from '../players/caller-hooks.js';
import { NowggPlayers } from '../players/nowgg-players.js';
import { OPTIONAL_SHARED_CACHE, type SharedCache } from '../verification/cache/shared-cache.js';
import type { NowggAuthWiring } from './module-options.js';
import { hookOf } from './module-wiring.js';

const RESOLVER = Symbol('nestjs-nowgg-auth:user-resolver');
const AUTHORIZER = Symbol('nestjs-nowgg-auth:authorizer');
const OPTIONAL_PLAYERS = Symbol('nestjs-nowgg-auth:optional-players');

/** The modules that the hooks of the application need. */
export function hookImports({ resolveUser, authorize }: NowggAuthWiring): NonNullable<ModuleMetadata['imports']> {
  return [...(hookOf(resolveUser)?.imports ?? []), ...(hookOf(authorize)?.imports ?? [])];
}

/** Providers of the application's own users, and of its rules about callers. */
export function playerProviders({ resolveUser, authorize }: NowggAuthWiring): Provider[] {
  const [resolver, authorizer] = [hookOf(resolveUser), hookOf(authorize)];
  return [
    ...(resolver ? resolving(resolver) : WITHOUT_RESOLVER),
    authorizer
      ? { provide: AUTHORIZER, useFactory: authorizer.useFactory, inject: authorizer.inject ?? [] }
      : { provide: AUTHORIZER, useValue: undefined },
    {
      provide: CallerHooks,
      useFactory: (
        players: NowggPlayers | undefined,
        check: CallerCheck | undefined,
        clock: NowggClock,
        { verification: { timeoutMs } }: ResolvedNowggAuthOptions,
      ) => new CallerHooks({ players, authorize: check, clock, timeoutMs }),
      inject: [OPTIONAL_PLAYERS, AUTHORIZER, NowggClock, RESOLVED_OPTIONS],
    },
  ];
}

function resolving({ useFactory, inject = [], maxAgeMs }: ResolveUserWiring): Provider[] {
  return [
    { provide: RESOLVER, useFactory, inject },
    {
      provide: NowggPlayers,
      useFactory: (
        resolve: UserResolver,
        clock: NowggClock,
        { verification }: ResolvedNowggAuthOptions,
        providers: IdentityProviders,
        news: SharedCache | undefined,
      ) => {
        const { timeoutMs, maxEntries } = verification;
        return new NowggPlayers({
          resolve,
          clock,
          providers,
          timeoutMs,
          maxEntries,
          maxAgeMs: maxAgeMs ?? verification.maxAgeMs,
          news,
        });
      },
      inject: [RESOLVER, NowggClock, RESOLVED_OPTIONS, IdentityProviders, OPTIONAL_SHARED_CACHE],
    },
    { provide: OPTIONAL_PLAYERS, useExisting: NowggPlayers },
  ];
}

const WITHOUT_RESOLVER: Provider[] = [
  { provide: OPTIONAL_PLAYERS, useValue: undefined },
  {
    provide: NowggPlayers,
    // Transient, so that it throws only where it is injected.
    scope: Scope.TRANSIENT,
    useFactory: () => {
      throw new NowggConfigurationError('NowggPlayers needs the option resolveUser of NowggAuthModule');
    },
  },
];
