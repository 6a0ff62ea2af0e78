import type { TokenFacts } from '../../principal.js';

/** The parts of Node's request that a forwarded identity is read from. */
export interface ForwardedRequest {
  /** Names and values in the order of arrival: only this list shows a header that occurs twice. */
  readonly rawHeaders?: readonly string[] | undefined;
  readonly socket?: { readonly remoteAddress?: string | undefined; readonly destroyed?: boolean } | null | undefined;
}

/** The identity in the headers of one request. */
export type ForwardedReading =
  /** The headers state no identity. */
  | { readonly outcome: 'none' }
  /** The headers state an identity, but do not come from the proxy. `fault` names what they lack. */
  | { readonly outcome: 'untrusted'; readonly fault: 'peer' | 'secret' }
  /** The headers come from the proxy, and are doubled, contradictory or not of their form. */
  | { readonly outcome: 'malformed' }
  | { readonly outcome: 'identity'; readonly facts: TokenFacts };

/** Port: reads identities that a trusted proxy forwards in headers, without a request. Never throws. */
export abstract class ForwardedIdentities {
  abstract read(request: ForwardedRequest): ForwardedReading;
}
