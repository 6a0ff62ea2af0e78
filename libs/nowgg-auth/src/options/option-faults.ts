import { PUBLIC_URLS } from '../identity/urls.js';
import { NOWGG_RULES } from '../identity/nowgg/nowgg-options.js';
import {
  arrayOf,
  faultsOf,
  type Given,
  isFunction,
  isRecord,
  isText,
  matching,
  oneOf,
  PROVIDER_NAME,
  type Rule,
  type Rules,
  TRUE_OR_FALSE,
  wholeNumber,
} from '../rules.js';
import { DEFAULTS } from './defaults.js';
import { keyRingFaults } from './key-rules.js';
import type {
  CircuitSettings,
  CredentialsOptions,
  LoggingOptions,
  NowggAuthOptions,
  RateSettings,
  RevocationOptions,
  KeepAliveOptions,
  SessionsOptions,
  ShutdownOptions,
  TokensOptions,
  VerificationOptions,
} from './options.js';

/** Values that count as absent. */
export const ABSENT: readonly unknown[] = [undefined, null];
/** The longest delay of a Node timer. */
const LONGEST_MS = 2_147_483_647;
const MOST_LIFE_MS = 3_650 * 24 * 3_600_000;

const duration = (least: 0 | 1): Rule => [
  wholeNumber(least, LONGEST_MS),
  `must be a whole number of milliseconds, ${least} or more`,
];
const COUNT: Rule = [wholeNumber(1, 10_000_000), 'must be a whole number, 1 to 10,000,000'];
const FUNCTION: Rule = [isFunction, 'must be a function'];
const REFUSE_OR_SERVE: Rule = [oneOf('refuse', 'serve'), 'must be refuse or serve'];

const CIRCUIT: Rules<keyof CircuitSettings> = {
  // With fewer, a short disturbance would stop all requests.
  openAfter: [wholeNumber(5, 10_000_000), 'must be a whole number, 5 or more'],
  maxPauseMs: [wholeNumber(1, 60_000), 'must be a whole number of milliseconds, 1 to 60,000'],
};

const CALLS = 'must be a whole number, 1 to 1,000,000';
const RATE: Rules<keyof RateSettings> = {
  perSecond: [wholeNumber(1, 1_000_000), CALLS, 'required'],
  burst: [wholeNumber(1, 1_000_000), CALLS],
};

const VERIFICATION: Rules<keyof VerificationOptions> = {
  maxAgeMs: duration(0),
  longestAgeMs: longestAgeFaults,
  staleIfErrorMs: duration(0),
  maxEntries: COUNT,
  negativeMaxEntries: COUNT,
  maxInFlight: COUNT,
  rate: (rate, name) => (rate === undefined ? [] : faultsOf(RATE, rate, `${name}.`, ABSENT)),
  expectedInstances: [wholeNumber(1, 100_000), 'must be a whole number, 1 to 100,000'],
  circuit: (circuit = false, name) => (circuit === false ? [] : faultsOf(CIRCUIT, circuit, `${name}.`, ABSENT)),
  refusalsAreDefinite: TRUE_OR_FALSE,
  budget: FUNCTION,
  sourceOf: FUNCTION,
  timeoutMs: duration(1),
  clockSkewMs: duration(0),
  acceptTokenTypes: [areTokenTypes, 'must be an array of token, id_token or both, each once'],
};

const REVOCATION: Rules<keyof RevocationOptions> = {
  beforeFirstLoad: REFUSE_OR_SERVE,
  onUnknown: REFUSE_OR_SERVE,
  longestTokenLifeMs: [
    wholeNumber(60_000, MOST_LIFE_MS),
    'must be a whole number of milliseconds, one minute to ten years',
  ],
  explainBans: [oneOf('everywhere', 'sign_in'), 'must be everywhere or sign_in'],
};

const SESSION_LIFE: Rule = [
  (value) => value === false || wholeNumber(60_000, MOST_LIFE_MS)(value),
  'must be a whole number of milliseconds, one minute to ten years, or false',
];

const SESSIONS: Rules<keyof SessionsOptions> = {
  idleMs: SESSION_LIFE,
  absoluteMs: SESSION_LIFE,
  endGrant: TRUE_OR_FALSE,
  rotation: TRUE_OR_FALSE,
  max: [wholeNumber(1, 100), 'must be a whole number, 1 to 100'],
  whenFull: [oneOf('end_oldest', 'refuse'), 'must be end_oldest or refuse'],
  per: [oneOf('client', 'provider'), 'must be client or provider'],
  binding: [oneOf('off', 'offered', 'required'), 'must be off, offered or required'],
  publicUrl: PUBLIC_URLS,
  devices: TRUE_OR_FALSE,
  placeOf: FUNCTION,
};

const IDLE_LIFE = wholeNumber(86_400_000, MOST_LIFE_MS);

const KEEP_ALIVE: Rules<keyof KeepAliveOptions> = {
  idleMs: [
    (value) => isRecord(value) && Object.values(value).every(IDLE_LIFE),
    'must have for each provider a whole number of milliseconds, one day to ten years',
  ],
  perSecond: [
    (value) => typeof value === 'number' && value >= 0.01 && value <= 1_000,
    'must be a number, 0.01 to 1,000',
  ],
  everyMs: [wholeNumber(60_000, 86_400_000), 'must be a whole number of milliseconds, one minute to one day'],
};

const TOKENS: Rules<keyof TokensOptions> = {
  encryptionKeys: keyRingFaults,
  refreshMarginMs: duration(0),
  softDeadlineMs: duration(1),
  leaseMs: duration(1),
  lateReplyMs: duration(1),
  exchangeReplayMs: duration(0),
  openFirstVersion: TRUE_OR_FALSE,
  forcedRefreshMs: duration(0),
  maxExchangesInFlight: COUNT,
  maxRefreshesInFlight: COUNT,
  refusedCodesPerMinute: COUNT,
  codeBudget: FUNCTION,
  onSignIn: FUNCTION,
  sessions: (sessions = {}, name) => faultsOf(SESSIONS, sessions, `${name}.`, ABSENT),
  keepAlive: (keepAlive = {}, name) => faultsOf(KEEP_ALIVE, keepAlive, `${name}.`, ABSENT),
};

const CREDENTIALS: Rules<keyof CredentialsOptions> = { extract: FUNCTION };

const SHUTDOWN: Rules<keyof ShutdownOptions> = {
  graceMs: duration(1),
  awaitReplies: TRUE_OR_FALSE,
};

const LOGGING: Rules<keyof LoggingOptions> = {
  level: [oneOf('log', 'warn', 'error'), 'must be log, warn or error'],
};

/** Rules of the client that `clientId` names. These options have no meaning without it. */
const { clientSecret, baseUrl, allowInsecureBaseUrl, issuer } = NOWGG_RULES;
const CLIENT = { clientSecret, baseUrl, allowInsecureBaseUrl, issuer };

const OPTIONS: Rules<keyof NowggAuthOptions> = {
  clientId: [isText, 'must be a non-empty string'],
  ...CLIENT,
  identityProviders: definitionFaults,
  // Part of a quoted string in a header.
  realm: [matching(/^[\x20-\x7e]{1,256}$/), 'must be 1 to 256 characters of printable ASCII'],
  credentials: (credentials = {}, name) => faultsOf(CREDENTIALS, credentials, `${name}.`, ABSENT),
  verification: (verification = {}, name) => faultsOf(VERIFICATION, verification, `${name}.`, ABSENT),
  revocation: (revocation = {}, name) => faultsOf(REVOCATION, revocation, `${name}.`, ABSENT),
  tokens: (tokens, name) => (tokens === undefined ? [] : faultsOf(TOKENS, tokens, `${name}.`, ABSENT)),
  shutdown: (shutdown = {}, name) => faultsOf(SHUTDOWN, shutdown, `${name}.`, ABSENT),
  logging: (logging = {}, name) => (logging === false ? [] : faultsOf(LOGGING, logging, `${name}.`, ABSENT)),
};

/** Every fault of the module's options. The sentences name options, never values. */
export function optionFaults(options: unknown): string[] {
  const faults = faultsOf(OPTIONS, options, '', ABSENT);
  if (!isRecord(options) || isPresent(options.clientId)) return faults;
  const needClient = Object.keys(CLIENT).filter((name) => isPresent(options[name]));
  faults.push(...needClient.map((name) => `${name} needs clientId`));
  const { identityProviders } = options;
  if (Array.isArray(identityProviders) && identityProviders.length > 0) return faults;
  return [...faults, 'clientId or identityProviders must name at least one identity provider'];
}

/** Faults of `tokens.sessions` together with the public URL of the ready-made routes. */
export function bindingFaults(options: unknown, routesPublicUrl: unknown): string[] {
  const tokens = isRecord(options) ? options.tokens : undefined;
  const sessions = isRecord(tokens) ? tokens.sessions : undefined;
  const { publicUrl, binding } = isRecord(sessions) ? sessions : ({} as Given);
  if (isPresent(publicUrl) && isPresent(routesPublicUrl)) {
    return ['tokens.sessions.publicUrl and routes.publicUrl must not stand together: give the address once'];
  }
  const isBinding = binding === 'offered' || binding === 'required';
  return isBinding && !isPresent(publicUrl) && !isPresent(routesPublicUrl)
    ? [`tokens.sessions.binding ${binding} needs routes.publicUrl or tokens.sessions.publicUrl`]
    : [];
}

function definitionFaults(definitions: unknown = [], path: string, { clientId }: Given): string[] {
  if (!Array.isArray(definitions)) return [`${path} must be an array`];
  const names = new Set<unknown>(isPresent(clientId) ? ['nowgg'] : []);
  return Array.from<unknown, string[]>(definitions, (definition, index) => {
    if (!isDefinition(definition)) return [`${path}[${index}] must be a definition: a name and a create function`];
    if (names.has(definition.name)) return [`${path}[${index}] has the name of another identity provider`];
    names.add(definition.name);
    return [];
  }).flat();
}

function isDefinition(value: unknown): value is Given {
  return isRecord(value) && matching(PROVIDER_NAME)(value.name) && isFunction(value.create);
}

function longestAgeFaults(longest: unknown, name: string, { maxAgeMs }: Given): string[] {
  if (longest === undefined) return [];
  if (!wholeNumber(0, LONGEST_MS)(longest)) return [`${name} must be a whole number of milliseconds, 0 or more`];
  const least = isPresent(maxAgeMs) ? maxAgeMs : DEFAULTS.verification.maxAgeMs;
  return typeof least === 'number' && (longest as number) < least
    ? [`${name} must not be less than verification.maxAgeMs: to shorten both, set both`]
    : [];
}

function areTokenTypes(value: unknown): boolean {
  return arrayOf(oneOf('token', 'id_token'), 1)(value) && new Set(value).size === value.length;
}

export function isPresent(value: unknown): boolean {
  return !ABSENT.includes(value);
}
