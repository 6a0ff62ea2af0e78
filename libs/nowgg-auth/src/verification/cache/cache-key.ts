import type { TokenType } from '../../principal.js';

/** The parts of a key in addition to the token: the provider and the kind of token that the route requires. */
export interface KeyScope {
  readonly provider?: string | undefined;
  readonly tokenType?: TokenType | undefined;
}

/**
 * Key of a token's verdict under a route's requirements: the digest alone when the route has none, otherwise the
 * requirements and the digest. The digest's length is fixed, so two different requests never share a key.
 */
export function cacheKey({ provider, tokenType }: KeyScope, digest: string): string {
  if (provider === undefined && tokenType === undefined) return digest;
  return `${tokenType ?? 'auto'}${provider === undefined ? '' : `/${provider}`}:${digest}`;
}

/** Every key under which a token may be cached: one for each set of requirements that a route can have. */
export function everyCacheKey(providers: readonly string[], digest: string): readonly string[] {
  return [undefined, ...providers].flatMap((provider) =>
    ([undefined, 'token', 'id_token'] as const).map((tokenType) => cacheKey({ provider, tokenType }, digest)),
  );
}
