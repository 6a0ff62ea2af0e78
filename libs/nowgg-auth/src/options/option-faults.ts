import { NOWGG_RULES, type NowggProviderOptions } from '../identity/nowgg/nowgg-options.js';
import { faultsOf } from '../rules.js';
import {
  CircuitShape,
  EncryptionKeyShape,
  OptionsShape,
  RevocationShape,
  TokensShape,
  VerificationShape,
} from './option-shapes.js';
import { isSettings, shapeFaults } from './shape-faults.js';
import { RANDOM_KEY, weaknessOf } from './weak-key.js';

type Settings = Readonly<Record<string, unknown>>;

/** Options of the client that `clientId` names. They have no meaning without it. */
const CLIENT_OPTIONS = ['clientSecret', 'baseUrl', 'allowInsecureBaseUrl', 'issuer'] as const;

/** All faults of the module's options. The sentences name options, never values. */
export function optionFaults(options: unknown): string[] {
  const faults = shapeFaults(OptionsShape, options);
  if (!isSettings(options)) return faults;
  return [...faults, ...clientFaults(options), ...providerFaults(options), ...nestedFaults(options)];
}

function clientFaults(options: Settings): string[] {
  if (isPresent(options.clientId)) return faultsOf(NOWGG_RULES, clientOptionsOf(options));
  return CLIENT_OPTIONS.filter((name) => isPresent(options[name])).map((name) => `${name} needs clientId`);
}

/** Options of the now.gg client, without absent ones. */
export function clientOptionsOf(options: Settings): NowggProviderOptions {
  const names = ['clientId', ...CLIENT_OPTIONS].filter((name) => isPresent(options[name]));
  return Object.fromEntries(names.map((name) => [name, options[name]])) as unknown as NowggProviderOptions;
}

function providerFaults(options: Settings): string[] {
  const definitions: readonly unknown[] = Array.isArray(options.identityProviders) ? options.identityProviders : [];
  if (!isPresent(options.clientId) && definitions.length === 0) {
    return ['clientId or identityProviders must name at least one identity provider'];
  }
  const faults: string[] = [];
  const names = new Set(isPresent(options.clientId) ? ['nowgg'] : []);
  for (const [index, definition] of definitions.entries()) {
    const path = `identityProviders[${index}]`;
    if (!isDefinition(definition)) faults.push(`${path} must be a definition: a name and a create function`);
    else if (names.has(definition.name)) faults.push(`${path} has the name of another identity provider`);
    else names.add(definition.name);
  }
  return faults;
}

function isDefinition(value: unknown): value is { name: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { name, create } = value as Partial<Record<'name' | 'create', unknown>>;
  return typeof name === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(name) && typeof create === 'function';
}

function nestedFaults({ verification, revocation, tokens }: Settings): string[] {
  return [
    ...(isPresent(verification) ? verificationFaults(verification) : []),
    ...(isPresent(revocation) ? shapeFaults(RevocationShape, revocation, 'revocation.') : []),
    ...(isPresent(tokens) ? tokensFaults(tokens) : []),
  ];
}

function verificationFaults(verification: unknown): string[] {
  const faults = shapeFaults(VerificationShape, verification, 'verification.');
  const circuit = isSettings(verification) ? verification.circuit : undefined;
  if (!isPresent(circuit) || circuit === false) return faults;
  return [...faults, ...shapeFaults(CircuitShape, circuit, 'verification.circuit.')];
}

function tokensFaults(tokens: unknown): string[] {
  const faults = shapeFaults(TokensShape, tokens, 'tokens.');
  const keys = isSettings(tokens) ? tokens.encryptionKeys : undefined;
  return Array.isArray(keys) ? [...faults, ...keyRingFaults(keys)] : faults;
}

function keyRingFaults(keys: readonly unknown[]): string[] {
  const path = 'tokens.encryptionKeys';
  const faults = keys.flatMap((key, index) => shapeFaults(EncryptionKeyShape, key, `${path}[${index}].`));
  const entries = keys.filter(isSettings);
  if (hasDuplicate(entries.map(({ id }) => id))) faults.push(`${path} has one id twice`);
  if (hasDuplicate(entries.map(({ key }) => key))) faults.push(`${path} has one key under two ids`);
  return [...faults, ...firstKeyFaults(entries[0])];
}

/** Only the first key is checked: a weak key after it can still decrypt, so that it can be replaced by rotation. */
function firstKeyFaults(first: Settings | undefined): string[] {
  const weakness = typeof first?.key === 'string' ? weaknessOf(Buffer.from(first.key, 'base64')) : undefined;
  return weakness === undefined ? [] : [`tokens.encryptionKeys[0].key ${weakness}: ${RANDOM_KEY}`];
}

function hasDuplicate(values: readonly unknown[]): boolean {
  const present = values.filter(isPresent);
  return new Set(present).size < present.length;
}

export function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}
