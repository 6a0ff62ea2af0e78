import type { IssuedTokens } from './token-endpoint-families.js';

/**
 * What befalls one call. `carried out` means that the grant changes hands although the caller may not hear of it.
 * - `lose_request`: the connection ends, nothing was carried out. `lose_reply`: carried out, the connection ends.
 * - `garbage`: carried out, the reply is no JSON. `server_error`: 502, not carried out.
 * - `busy`: 429 with `Retry-After`. `refuse`: a well-formed no, whatever was sent. `refuse_client`: our client is refused.
 * - `delay`: carried out, the reply comes this much later. `drip`: the same, byte by byte in this time.
 * - `cut`: carried out, half of the reply comes and the connection ends.
 * - `hang`: never answered, not carried out. `forget`: never answered, but carried out.
 */
export type TokenEndpointFault =
  | { readonly kind: 'lose_request' | 'lose_reply' | 'garbage' | 'server_error' | 'refuse_client' }
  | { readonly kind: 'cut' | 'hang' | 'forget' }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number }
  | { readonly kind: 'refuse'; readonly isFinal: boolean }
  | { readonly kind: 'delay' | 'drip'; readonly ms: number };

/** What a caller presents. */
export interface SentToken {
  readonly kind: 'code' | 'refresh';
  readonly value: string;
}

/** What the endpoint says to it. */
export interface TokenEndpointOutcome {
  readonly status: number;
  readonly body: object;
  readonly headers?: Record<string, string>;
}

/** An entry of the endpoint's own book. */
export interface TokenEndpointCall extends SentToken {
  /** What the caller's address begins with: who called. Empty for an address of its own. */
  readonly caller: string;
  /** Whose refresh token was presented, if it ever was anybody's. */
  readonly userId: string | undefined;
  readonly fault: TokenEndpointFault['kind'] | undefined;
  /** What was handed out, whether or not it arrived. */
  readonly issued: Partial<IssuedTokens> | undefined;
  /** Whether the whole reply went to the connection. */
  delivered: boolean;
}
