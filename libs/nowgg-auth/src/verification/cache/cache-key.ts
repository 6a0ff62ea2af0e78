import { createHash, hash as oneShotHash } from 'node:crypto';
import type { TokenType } from '../../principal.js';

/** What a key binds beside the token: the provider that the route names, and the kind that it wants. */
export interface KeyScope {
  readonly provider?: string | undefined;
  readonly tokenType?: TokenType | undefined;
}

/**
 * SHA-256 of the whole token as 32 one-byte characters: tells tokens apart, and the token cannot be had back from it.
 * Never truncated: tokens that share their beginning never share a digest.
 */
export const tokenDigest: (token: string) => string =
  // Node has a one-shot form, which spares an object per call.
  typeof oneShotHash === 'function'
    ? (token) => oneShotHash('sha256', token, 'binary')
    : (token) => createHash('sha256').update(token).digest('binary');

/**
 * Key of a token's verdict under a route's demands: the digest alone where the route demands nothing, else the demands
 * and the digest. The digest's length is fixed, so two different questions never share a key.
 */
export function cacheKey({ provider, tokenType }: KeyScope, digest: string): string {
  if (provider === undefined && tokenType === undefined) return digest;
  return `${tokenType ?? 'auto'}${provider === undefined ? '' : `/${provider}`}:${digest}`;
}

/** Every key under which something may be remembered of a token: one for each demand that a route can make. */
export function everyCacheKey(providers: readonly string[], digest: string): readonly string[] {
  return [undefined, ...providers].flatMap((provider) =>
    ([undefined, 'token', 'id_token'] as const).map((tokenType) => cacheKey({ provider, tokenType }, digest)),
  );
}
