import { hash, randomUUID } from 'node:crypto';

type Settings = Readonly<Record<string, unknown>>;

/** Never part of a scope, at any depth, so that processes with the old and the new secret share their verdicts. */
const SECRETS: readonly string[] = ['clientSecret', 'clientPrivateKey'];
const SCHEMA = 'nestjs-nowgg-auth verdict scope v1';

/**
 * Hash of the settings that verdicts depend on; 43 base64url characters. Every setting counts unless it is named in
 * `without`, so that a new one cannot be forgotten: at worst two configurations share less than they could.
 *
 * @param settings resolved settings: plain values, lists and objects. A value of another kind cannot be compared and
 * makes the scope unique.
 * @param without names of settings that do not affect verdicts. Secrets never count.
 */
export function verdictScopeOf(settings: object, without: readonly string[] = []): string {
  const deciding = Object.entries(settings).filter(([name]) => !without.includes(name));
  return hashOf(comparable(Object.fromEntries(deciding)));
}

/** Combines several scopes, in their order, into one. */
export function commonVerdictScope(scopes: readonly string[]): string {
  return hashOf(scopes);
}

function hashOf(value: unknown): string {
  return hash('sha256', JSON.stringify([SCHEMA, value]), 'base64url');
}

/** A canonical form of the settings, independent of the order of names; undefined values count as absent. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return ['list', ...value.map(comparable)];
  if (isPlainObject(value)) {
    const entries = Object.entries(value).filter(([name, entry]) => !SECRETS.includes(name) && entry !== undefined);
    entries.sort(([one], [other]) => (one < other ? -1 : 1));
    return ['object', ...entries.map(([name, entry]) => [name, comparable(entry)])];
  }
  const isTakenByDefault = value === null || ['string', 'boolean', 'undefined'].includes(typeof value);
  if (isTakenByDefault || Number.isFinite(value)) return [typeof value, value];
  return ['incomparable', randomUUID()];
}

function isPlainObject(value: unknown): value is Settings {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
