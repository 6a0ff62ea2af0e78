/** Latest time in seconds that a claim can mean; beyond it somebody sent milliseconds. */
const LATEST_SECONDS = 1e11;
const IGNORED_KEYS = new Set(['__proto__', 'constructor', 'prototype']);
const MAX_DEPTH = 8;

/**
 * A NumericDate claim (RFC 7519 section 2) as epoch milliseconds, from a number or a digit string; undefined when it
 * is anything else.
 */
export function readTimeClaim(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0 || seconds > LATEST_SECONDS) {
    return undefined;
  }
  return seconds * 1000;
}

/**
 * Whether a value can identify a user, session or token: 1 to 255 well-formed characters without controls. PostgreSQL
 * would turn lone surrogates into one and the same character, and two users into one.
 */
export function isIdentifier(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length >= 1 &&
    value.length <= 255 &&
    value.isWellFormed() &&
    !/\p{Cc}/u.test(value)
  );
}

/** The `aud` claim as a list; undefined unless it is a string or an array of strings (RFC 7519 section 4.1.3). */
export function readAudience(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
}

/** The value when it is a well-formed string, else undefined. For optional, descriptive claims. */
export function readText(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value !== '' && value.isWellFormed() ? value : undefined;
}

/** Own property of a parsed JSON object; undefined for inherited ones and for everything that is no object. */
export function ownProperty(value: unknown, key: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A deeply frozen copy without keys that could reach a prototype; what lies deeper than eight levels is left out.
 *
 * @param shared texts that every token of a client repeats: their copies are dropped for these
 */
export function frozenClaims(
  value: Readonly<Record<string, unknown>>,
  shared: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  return frozenCopy(value, shared, MAX_DEPTH) as Readonly<Record<string, unknown>>;
}

function sharedCopy(text: string, shared: readonly string[]): string {
  for (const known of shared) if (known === text) return known;
  return text;
}

function frozenCopy(value: unknown, shared: readonly string[], depth: number): unknown {
  if (typeof value === 'string') return sharedCopy(value, shared);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return undefined;
  if (Array.isArray(value)) return Object.freeze(value.map((item) => frozenCopy(item, shared, depth - 1)));
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (!IGNORED_KEYS.has(key)) copy[key] = frozenCopy(item, shared, depth - 1);
  }
  return Object.freeze(copy);
}
