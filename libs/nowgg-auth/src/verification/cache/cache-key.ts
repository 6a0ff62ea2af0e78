import type { TokenType } from '../../principal.js';

/** What a key binds beside the token: the provider that the route names, and the kind that it wants. */
export interface KeyScope {
  readonly provider?: string | undefined;
  readonly tokenType?: TokenType | undefined;
}

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
