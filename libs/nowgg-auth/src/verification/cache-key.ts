import { createHash, hash as oneShotHash } from 'node:crypto';
import type { TokenType } from '../principal.js';

/** Changes whenever the meaning of cached values does, so that no old value is read with a new meaning. */
const SCHEMA = '2:v1';

/** What a key binds beside the token: the provider that the route names, and the kind that it wants. */
export interface KeyScope {
  readonly provider?: string | undefined;
  readonly tokenType?: TokenType | undefined;
}

/**
 * SHA-256 over the length-prefixed schema, provider, kind and whole token. Never truncated: two tokens that share their
 * beginning, or one token under two routes' demands, never share a key. The token cannot be had back from it.
 */
export function cacheKey({ provider, tokenType }: KeyScope, token: string): string {
  const named = provider === undefined ? '-' : `+${provider.length}:${provider}`;
  const kind = tokenType ?? 'auto';
  return sha256(`${SCHEMA}${named}${kind.length}:${kind}${token.length}:${token}`);
}

// Node 20.12 has a one-shot form, which spares an object per call; `binary` gives 32 one-byte characters.
const sha256: (text: string) => string =
  typeof oneShotHash === 'function'
    ? (text) => oneShotHash('sha256', text, 'binary')
    : (text) => createHash('sha256').update(text).digest('binary');
