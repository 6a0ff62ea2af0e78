import { NOWGG_RULES } from '../identity/nowgg/nowgg-options.js';
import {
  arrayOf,
  BASE64_OF_32_BYTES,
  faultsOf,
  type Given,
  isFunction,
  isRecord,
  isText,
  KEY_ID,
  matching,
  oneOf,
  PROVIDER_NAME,
  type Rule,
  type Rules,
  TRUE_OR_FALSE,
  wholeNumber,
} from '../rules.js';
import type {
  CircuitSettings,
  EncryptionKey,
  NowggAuthOptions,
  RevocationOptions,
  TokensOptions,
  VerificationOptions,
} from './options.js';
import { RANDOM_KEY, weaknessOf } from './weak-key.js';

/** Values that count as absent. */
const ABSENT: readonly unknown[] = [undefined, null];
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

const VERIFICATION: Rules<keyof VerificationOptions> = {
  maxAgeMs: duration(0),
  staleIfErrorMs: duration(0),
  maxEntries: COUNT,
  negativeMaxEntries: COUNT,
  maxInFlight: COUNT,
  circuit: (circuit, name) => (circuit === false ? [] : faultsOf(CIRCUIT, circuit, `${name}.`, ABSENT)),
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
};

const TOKENS: Rules<keyof TokensOptions> = {
  encryptionKeys: [
    (keys) => Array.isArray(keys) && keys.length > 0,
    'must be an array of at least one key',
    'required',
  ],
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
};

const ENCRYPTION_KEY: Rules<keyof EncryptionKey> = {
  id: [matching(KEY_ID), 'must be 1 to 32 characters of A-Z a-z 0-9 _ -', 'required'],
  key: [matching(BASE64_OF_32_BYTES), 'must be 32 bytes in base64', 'required'],
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
  verification: (verification, name) => faultsOf(VERIFICATION, verification, `${name}.`, ABSENT),
  revocation: (revocation, name) => faultsOf(REVOCATION, revocation, `${name}.`, ABSENT),
  tokens: tokensFaults,
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

function definitionFaults(definitions: unknown, path: string, { clientId }: Given): string[] {
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

function areTokenTypes(value: unknown): boolean {
  return arrayOf(oneOf('token', 'id_token'), 1)(value) && !hasDuplicate(value as string[]);
}

function tokensFaults(tokens: unknown, name: string): string[] {
  const faults = faultsOf(TOKENS, tokens, `${name}.`, ABSENT);
  const keys = isRecord(tokens) ? tokens.encryptionKeys : undefined;
  return Array.isArray(keys) ? [...faults, ...keyRingFaults(keys, `${name}.encryptionKeys`)] : faults;
}

function keyRingFaults(keys: readonly unknown[], path: string): string[] {
  const faults = keys.flatMap((key, index) => faultsOf(ENCRYPTION_KEY, key, `${path}[${index}].`));
  const entries = keys.filter(isRecord);
  if (hasDuplicate(entries.map(({ id }) => id))) faults.push(`${path} has one id twice`);
  if (hasDuplicate(entries.map(({ key }) => key))) faults.push(`${path} has one key under two ids`);
  // Only the first key is checked: a weak key after it can still decrypt, so that it can be replaced by rotation.
  const first = entries[0]?.key;
  const weakness = typeof first === 'string' ? weaknessOf(Buffer.from(first, 'base64')) : undefined;
  return weakness === undefined ? faults : [...faults, `${path}[0].key ${weakness}: ${RANDOM_KEY}`];
}

function hasDuplicate(values: readonly unknown[]): boolean {
  const present = values.filter(isPresent);
  return new Set(present).size < present.length;
}

export function isPresent(value: unknown): boolean {
  return !ABSENT.includes(value);
}
