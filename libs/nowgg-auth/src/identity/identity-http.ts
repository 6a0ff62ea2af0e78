import type { UnknownReason } from './reasons.js';
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';

/** Agents that an application brings along for the calls to identity systems. */
export interface IdentityHttpAgents {
  /** For plain http, which only loopback and opted-in addresses use. */
  readonly http?: HttpAgent;
  readonly https?: HttpsAgent;
}

/**
 * What a call to an identity system is for. Each purpose has connections of its own, so that calls of one kind that
 * take long never delay calls of another.
 */
export type IdentityHttpPurpose =
  /** A verdict about one token. */
  | 'verify'
  /** An authorization code for a first token set. */
  | 'code'
  /** A refresh token for a new token set. */
  | 'refresh'
  /** What is known about the account or session behind a token. */
  | 'account'
  /** A token of the application itself. */
  | 'application'
  /** Discovery document and public keys. */
  | 'metadata'
  /** Telling the identity system that a grant is over. */
  | 'revocation';

export interface IdentityHttpRequest {
  /** Default: none of these, which has connections of its own as well. */
  readonly purpose?: IdentityHttpPurpose;
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Absolute URL, from configuration only. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: Readonly<Record<string, string>>;
  /** Sent as it is, with the content type that {@link headers} name. Instead of {@link json}. */
  readonly body?: string;
  /** Bears the total deadline. */
  readonly signal: AbortSignal;
  /** Whether a kept-alive socket that the peer closed under the request may be retried once on a new one. */
  readonly idempotent: boolean;
}

/** A complete HTTP reply, or the reason why there is none. */
export type IdentityHttpOutcome =
  | {
      readonly status: 'reply';
      readonly statusCode: number;
      /** The parsed body when it is well-formed JSON of a JSON content type, else undefined. */
      readonly json: unknown;
      /** By lower-case name, as Node joins repeated ones. */
      readonly headers?: Readonly<Record<string, string>>;
      /** The body as it came, for callers that read it by another library. */
      readonly body?: Uint8Array;
      /** From `Retry-After` (seconds or date) or `X-Rate-Limit-Reset`; unclamped, never negative. */
      readonly retryAfterMs: number | undefined;
      /** Closes the connection so that nothing more is read from it. */
      drop(): void;
    }
  | { readonly status: 'failed'; readonly sent: 'no' | 'perhaps'; readonly reason: UnknownReason };

/** Port of the hardened HTTP client that every provider shares: deadline, no redirects, size cap, JSON only, keep-alive. */
export abstract class IdentityHttp {
  abstract send(request: IdentityHttpRequest): Promise<IdentityHttpOutcome>;
}
