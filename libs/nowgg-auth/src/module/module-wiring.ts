import { Agent } from 'node:http';
import type { FactoryProvider, Provider } from '@nestjs/common';
import type { IdentityHttpAgents } from '../identity/identity-http.js';
import type {
  NowggAuthModuleAsyncOptions,
  NowggAuthModuleOptions,
  NowggAuthOptionsFactory,
  NowggAuthWiring,
} from './module-options.js';
import type { ResolvedNowggAuthOptions } from '../options/options.js';
import { configurationError, resolveOptions } from '../options/resolve-options.js';
import { isSettings } from '../options/shape-faults.js';
import type { NowggRoutesOptions } from '../routes/routes-options.js';

type Settings = Readonly<Record<string, unknown>>;

/** What a module declaration comes to: what it is built of, and how its options are obtained and judged. */
export interface ModuleDeclaration {
  readonly wiring: NowggAuthWiring;
  /** Provide {@link GIVEN_OPTIONS}. */
  readonly providers: readonly Provider[];
  /** Run at boot, so that every fault, in wiring or options, is reported by one error then. */
  readonly resolve: (given: unknown) => ResolvedNowggAuthOptions;
}

/** DI token of the options as the application gave them. */
export const GIVEN_OPTIONS = Symbol('nestjs-nowgg-auth:given-options');

/** What each wiring key must be. */
const WIRING: Readonly<Record<keyof NowggAuthWiring, readonly [(value: unknown) => boolean, string]>> = {
  tokenStore: [isProviderFactory, 'what memoryTokenStore() or typeOrmTokenStore() returns'],
  revocationStore: [isProviderFactory, 'what memoryRevocationStore() or typeOrmRevocationStore() returns'],
  sharedCache: [isProviderFactory, 'what redisSharedCache() returns'],
  routes: [isRoutes, 'true, false, or { path?, guards? }'],
  strategyName: [(value) => value === false || (typeof value === 'string' && value !== ''), 'a name, or false'],
  isGlobal: [(value) => typeof value === 'boolean', 'true or false'],
  globalGuard: [(value) => typeof value === 'boolean', 'true or false'],
  clock: [(value) => isSettings(value) && typeof value.now === 'function', 'a NowggClock'],
  httpAgents: [isHttpAgents, '{ http?, https? }, agents of node:http and node:https'],
};
const SOURCES = ['useFactory', 'useClass', 'useExisting'] as const;
const ASYNC_KEYS: readonly string[] = ['imports', 'inject', ...SOURCES];

/** For options and wiring in one object. */
export function declareWith(options: NowggAuthModuleOptions): ModuleDeclaration {
  const { wiring, rest } = split(options);
  const faults = wiringFaults(wiring);
  return {
    wiring,
    providers: [{ provide: GIVEN_OPTIONS, useValue: rest }],
    resolve: (given) => resolveOptions(given, [...faults, ...productionFaults(given)], needsKeys(wiring)),
  };
}

/** For wiring here and options from a factory. */
export function declareWithFactory(options: NowggAuthModuleAsyncOptions): ModuleDeclaration {
  const { wiring, rest } = split(options);
  const faults = [...wiringFaults(wiring), ...sourceFaults(rest)];
  return {
    wiring,
    providers: faults.length > 0 ? [{ provide: GIVEN_OPTIONS, useValue: undefined }] : givenBy(options),
    resolve: (given) => {
      if (faults.length > 0) throw configurationError(faults);
      if (!isSettings(given)) return resolveOptions(given);
      const returned = split(given);
      const returnedFaults = [...returnedWiringFaults(returned.wiring), ...productionFaults(given)];
      return resolveOptions(returned.rest, returnedFaults, needsKeys(wiring));
    },
  };
}

/** The only look at the environment: an option for tests that must not reach players by mistake. */
function productionFaults(given: unknown): string[] {
  const verification = isSettings(given) ? given.verification : undefined;
  const isForTests = isSettings(verification) && verification.refusalsAreDefinite === true;
  return isForTests && process.env.NODE_ENV === 'production'
    ? ['verification.refusalsAreDefinite is for tests: it must not be set with NODE_ENV=production']
    : [];
}

/** What `routes` comes to; undefined for none. */
export function routesOf({ routes }: NowggAuthWiring): NowggRoutesOptions | undefined {
  if (routes === undefined || routes === false || !isRoutes(routes)) return undefined;
  return routes === true ? {} : routes;
}

function isRoutes(value: unknown): value is boolean | NowggRoutesOptions {
  if (typeof value === 'boolean') return true;
  if (!isSettings(value)) return false;
  const { path, guards, ...rest } = value;
  const hasPath = path === undefined || (typeof path === 'string' && /^[\w/-]{1,128}$/.test(path));
  const hasGuards = guards === undefined || (Array.isArray(guards) && guards.every((g) => typeof g === 'function'));
  return hasPath && hasGuards && Object.keys(rest).length === 0;
}

/** What passes gets the requests with our client secret in them: no unknown key, and nothing that is no agent. */
export function isHttpAgents(value: unknown): value is IdentityHttpAgents {
  if (!isSettings(value)) return false;
  const { http, https, ...rest } = value;
  const areAgents = [http, https].every((agent) => agent === undefined || agent instanceof Agent);
  return areAgents && Object.keys(rest).length === 0;
}

/** Whether a store can be made of it; what cannot is left out and reported at boot. */
export function isProviderFactory(value: unknown): value is { inject: []; create(): never } {
  return isSettings(value) && typeof value.create === 'function' && Array.isArray(value.inject);
}

function givenBy({ useFactory, useClass, useExisting, inject = [] }: NowggAuthModuleAsyncOptions): Provider[] {
  if (useFactory) {
    return [{ provide: GIVEN_OPTIONS, useFactory: useFactory as FactoryProvider['useFactory'], inject }];
  }
  const factoryClass = useClass ?? useExisting;
  const given: Provider = {
    provide: GIVEN_OPTIONS,
    useFactory: (factory: NowggAuthOptionsFactory) => factory.createNowggAuthOptions(),
    inject: factoryClass ? [factoryClass] : [],
  };
  return useClass ? [useClass, given] : [given];
}

function split(options: unknown): { wiring: NowggAuthWiring; rest: Settings } {
  const entries = isSettings(options) ? Object.entries(options) : [];
  const isWiring = ([key]: [string, unknown]) => Object.hasOwn(WIRING, key);
  return {
    wiring: Object.fromEntries(entries.filter(isWiring)),
    rest: Object.fromEntries(entries.filter((entry) => !isWiring(entry))),
  };
}

function needsKeys(wiring: NowggAuthWiring): boolean {
  return wiring.tokenStore !== undefined;
}

function wiringFaults(wiring: NowggAuthWiring): string[] {
  const faults = (Object.keys(WIRING) as (keyof NowggAuthWiring)[])
    .filter((key) => wiring[key] !== undefined && !WIRING[key][0](wiring[key]))
    .map((key) => `${key} must be ${WIRING[key][1]}`);
  const noStore = routesOf(wiring) !== undefined && wiring.tokenStore === undefined;
  return noStore ? [...faults, 'routes need a tokenStore'] : faults;
}

function returnedWiringFaults(wiring: NowggAuthWiring): string[] {
  return Object.keys(wiring).map(
    (key) => `${key} is wiring: it stands beside the factory, not in what the factory returns`,
  );
}

function sourceFaults(rest: Settings): string[] {
  const misplaced = Object.keys(rest).filter((key) => !ASYNC_KEYS.includes(key));
  const sources = SOURCES.filter((key) => rest[key] !== undefined);
  return [
    ...misplaced.map((key) => `${key} is neither wiring nor a way to obtain the options`),
    ...(sources.length === 1 ? [] : ['exactly one of useFactory, useClass and useExisting must be there']),
  ];
}
