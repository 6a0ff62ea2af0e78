import { Agent } from 'node:http';
import type { FactoryProvider, Provider } from '@nestjs/common';
import type { NowggTransport } from '../http/transport.js';
import type { IdentityHttpAgents } from '../identity/identity-http.js';
import type {
  NowggAuthModuleAsyncOptions,
  NowggAuthModuleOptions,
  NowggAuthOptionsFactory,
  NowggAuthWiring,
} from './module-options.js';
import type { ResolvedNowggAuthOptions } from '../options/options.js';
import { resolveOptions } from '../options/resolve-options.js';
import {
  faultsOf,
  type Given,
  isFunction,
  isRecord,
  isText,
  oneOf,
  refuse,
  type Rule,
  type Rules,
  TRUE_OR_FALSE,
  wholeNumber,
} from '../rules.js';
import type { AuthorizeWiring, ResolveUserWiring } from '../players/caller.js';
import { routesFaults, routesOf } from '../routes/routes-options.js';

/** A module declaration after analysis: its wiring, and the way to obtain and validate its options. */
export interface ModuleDeclaration {
  readonly wiring: NowggAuthWiring;
  /** Providers of {@link GIVEN_OPTIONS}. */
  readonly providers: readonly Provider[];
  /** Called at startup, so that one error reports every fault of wiring and options. */
  readonly resolve: (given: unknown) => ResolvedNowggAuthOptions;
}

/** DI token of the options as the application gave them. */
export const GIVEN_OPTIONS = Symbol('nestjs-nowgg-auth:given-options');

const AGENT = [(value: unknown) => value instanceof Agent, 'must be an agent of node:http or node:https'] as const;
const AGENTS: Rules<keyof IdentityHttpAgents> = { http: AGENT, https: AGENT };

const LIST: Rule = [Array.isArray, 'must be an array'];
const HOOK: Rules<keyof AuthorizeWiring> = {
  imports: LIST,
  inject: LIST,
  useFactory: [isFunction, 'must be a function', 'required'],
};
const AGE: Rule = [wholeNumber(0, 2_147_483_647), 'must be a whole number of milliseconds, 0 or more'];

const WIRING: Rules<keyof NowggAuthWiring> = {
  tokenStore: [isProviderFactory, 'must be the result of memoryTokenStore() or typeOrmTokenStore()'],
  revocationStore: [isProviderFactory, 'must be the result of memoryRevocationStore() or typeOrmRevocationStore()'],
  sharedCache: [isProviderFactory, 'must be the result of redisSharedCache()'],
  routes: routesFaults,
  strategyName: [(value) => value === false || isText(value), 'must be a name, or false'],
  isGlobal: TRUE_OR_FALSE,
  globalGuard: [oneOf(true, false, 'first'), "must be true, false or 'first'"],
  onUnprotected: [oneOf('ignore', 'warn', 'fail'), 'must be ignore, warn or fail'],
  transports: transportFaults,
  resolveUser: (hook, name) => (hook === undefined ? [] : faultsOf({ ...HOOK, maxAgeMs: AGE }, hook, `${name}.`)),
  authorize: (hook, name) => (hook === undefined ? [] : faultsOf(HOOK, hook, `${name}.`)),
  clock: [(value) => isRecord(value) && isFunction(value.now), 'must be a NowggClock'],
  httpAgents: (agents = {}, name) => faultsOf(AGENTS, agents, `${name}.`),
};
const SOURCES = ['useFactory', 'useClass', 'useExisting'] as const;
const ASYNC_KEYS: readonly string[] = ['imports', 'inject', ...SOURCES];

/** Declares a module from options and wiring in one object. */
export function declareWith(options: NowggAuthModuleOptions): ModuleDeclaration {
  const { wiring, rest } = split(options);
  const faults = wiringFaults(wiring);
  return {
    wiring,
    providers: [{ provide: GIVEN_OPTIONS, useValue: rest }],
    resolve: (given) =>
      resolveOptions(given, [...faults, ...productionFaults(given)], needsKeys(wiring), publicUrlOf(wiring)),
  };
}

/** Declares a module from wiring and a factory of the options. */
export function declareWithFactory(options: NowggAuthModuleAsyncOptions): ModuleDeclaration {
  const { wiring, rest } = split(options);
  const faults = [...wiringFaults(wiring), ...sourceFaults(rest)];
  return {
    wiring,
    providers: faults.length > 0 ? [{ provide: GIVEN_OPTIONS, useValue: undefined }] : givenBy(options),
    resolve: (given) => {
      refuse(faults, 'NowggAuthModule: ');
      if (!isRecord(given)) return resolveOptions(given);
      const returned = split(given);
      const returnedFaults = [...returnedWiringFaults(returned.wiring), ...productionFaults(given)];
      return resolveOptions(returned.rest, returnedFaults, needsKeys(wiring), publicUrlOf(wiring));
    },
  };
}

/** Refuses an option for tests in production. Nothing else reads the environment. */
function productionFaults(given: unknown): string[] {
  const verification = isRecord(given) ? given.verification : undefined;
  const isForTests = isRecord(verification) && verification.refusalsAreDefinite === true;
  return isForTests && process.env.NODE_ENV === 'production'
    ? ['verification.refusalsAreDefinite is for tests: it must not be set with NODE_ENV=production']
    : [];
}

/** The transports among the values of the option. Others are left out and reported at startup. */
export function transportsOf({ transports }: NowggAuthWiring): readonly NowggTransport[] {
  return Array.isArray(transports) ? transports.filter(isTransport) : [];
}

function isTransport(value: unknown): value is NowggTransport {
  return isRecord(value) && isText(value.kind) && isFunction(value.callOf) && isFunction(value.failureOf);
}

function transportFaults(transports: unknown = [], name: string): string[] {
  if (!Array.isArray(transports)) return [`${name} must be an array of transports, such as websockets()`];
  const kinds = new Set<unknown>(['http']);
  return Array.from<unknown, string[]>(transports, (transport, index) => {
    if (!isTransport(transport)) return [`${name}[${index}] must be a transport, such as the result of websockets()`];
    if (kinds.has(transport.kind)) return [`${name}[${index}] is for a kind of handler that is served already`];
    kinds.add(transport.kind);
    return [];
  }).flat();
}

/** A hook of the application; undefined for a faulty one, which is reported at startup. */
export function hookOf<H extends AuthorizeWiring | ResolveUserWiring>(hook: H | undefined): H | undefined {
  return isRecord(hook) && isFunction(hook.useFactory) ? hook : undefined;
}

/** Strict about keys and types, because these agents carry the requests with our client secret. */
export function isHttpAgents(value: unknown): value is IdentityHttpAgents {
  return faultsOf(AGENTS, value).length === 0;
}

/** Whether the value can create a store. Other values are left out and reported at startup. */
export function isProviderFactory(value: unknown): value is { inject: []; create(): never } {
  return isRecord(value) && isFunction(value.create) && Array.isArray(value.inject);
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

function split(options: unknown): { wiring: NowggAuthWiring; rest: Given } {
  const entries = isRecord(options) ? Object.entries(options) : [];
  const isWiring = ([key]: [string, unknown]) => Object.hasOwn(WIRING, key);
  return {
    wiring: Object.fromEntries(entries.filter(isWiring)),
    rest: Object.fromEntries(entries.filter((entry) => !isWiring(entry))),
  };
}

function needsKeys(wiring: NowggAuthWiring): boolean {
  return wiring.tokenStore !== undefined;
}

function publicUrlOf({ routes }: NowggAuthWiring): string | readonly string[] | undefined {
  return routesOf(routes)?.publicUrl;
}

function wiringFaults(wiring: NowggAuthWiring): string[] {
  const faults = faultsOf(WIRING, wiring);
  const noStore = routesOf(wiring.routes) !== undefined && wiring.tokenStore === undefined;
  return noStore ? [...faults, 'routes need a tokenStore'] : faults;
}

function returnedWiringFaults(wiring: NowggAuthWiring): string[] {
  return Object.keys(wiring).map(
    (key) => `${key} is wiring: set it next to the factory, not in the options that the factory returns`,
  );
}

function sourceFaults(rest: Given): string[] {
  const misplaced = Object.keys(rest).filter((key) => !ASYNC_KEYS.includes(key));
  const sources = SOURCES.filter((key) => rest[key] !== undefined);
  return [
    ...misplaced.map((key) => `${key} is neither wiring nor a source of the options`),
    ...(sources.length === 1 ? [] : ['exactly one of useFactory, useClass and useExisting is required']),
  ];
}
