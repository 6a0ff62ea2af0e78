import type { UnknownReason } from './reasons.js';
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';

/** Agents of the application for the calls to identity systems. */
export interface IdentityHttpAgents {
  /** For plain http, which only loopback and explicitly allowed addresses use. */
  readonly http?: HttpAgent;
  readonly https?: HttpsAgent;
}

/**
 * The purpose of a call to an identity system. Each purpose has separate connections, so that slow calls of one kind
 * never delay calls of another.
 */
export type IdentityHttpPurpose =
  /** Gets a verdict about one token. */
  | 'verify'
  /** Exchanges an authorization code for a first token set. */
  | 'code'
  /** Exchanges a refresh token for a new token set. */
  | 'refresh'
  /** Gets data about the account or session of a token. */
  | 'account'
  /** Gets a token of the application itself. */
  | 'application'
  /** Fetches the discovery document and public keys. */
  | 'metadata'
  /** Tells the identity system that a grant has ended. */
  | 'revocation';

export interface IdentityHttpRequest {
  /** Default: none of these; such requests have separate connections too. */
  readonly purpose?: IdentityHttpPurpose;
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Absolute URL, from configuration only. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: Readonly<Record<string, string>>;
  /** Sent unchanged, with the content type from {@link headers}. Instead of {@link json}. */
  readonly body?: string;
  /** Carries the total deadline. */
  readonly signal: AbortSignal;
  /** Whether to retry once on a new socket when the peer closed a kept-alive one during the request. */
  readonly idempotent: boolean;
}

/** A complete HTTP reply, or the reason why there is none. */
export type IdentityHttpOutcome =
  | {
      readonly status: 'reply';
      readonly statusCode: number;
      /** The parsed body when it is well-formed JSON of a JSON content type, else undefined. */
      readonly json: unknown;
      /** By lower-case name; Node joins repeated headers. */
      readonly headers?: Readonly<Record<string, string>>;
      /** The unparsed body, for callers that read it with another library. */
      readonly body?: Uint8Array;
      /** From `Retry-After` (seconds or date) or `X-Rate-Limit-Reset`; unclamped, never negative. */
      readonly retryAfterMs: number | undefined;
      /** Closes the connection, so that nothing more is read from it. */
      drop(): void;
    }
  | {
      readonly status: 'failed';
      readonly sent: 'no' | 'perhaps';
      readonly reason: UnknownReason;
      /** Code of the error, such as `ENOTFOUND`, for logs and metrics. Absent when there is none. */
      readonly code?: string | undefined;
    };

/** Port of the hardened HTTP client of all providers: deadline, no redirects, size limit, JSON only, keep-alive. */
export abstract class IdentityHttp {
  abstract send(request: IdentityHttpRequest): Promise<IdentityHttpOutcome>;
}
