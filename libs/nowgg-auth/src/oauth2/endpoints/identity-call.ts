import type { CustomFetch } from 'openid-client';
import type { IdentityHttp, IdentityHttpOutcome, IdentityHttpPurpose } from '../../identity/identity-http.js';
import { isJsonObject } from '../../identity/claims.js';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { UnknownReason } from '../../identity/reasons.js';
import { isSecureUrl } from './secure-url.js';

export interface IdentityCallOptions {
  readonly purpose: IdentityHttpPurpose;
  /** Bears the total deadline; the library's own timeouts do not count. */
  readonly signal: AbortSignal;
  /** Whether a kept-alive socket that the peer closed under the request may be retried once. */
  readonly idempotent: boolean;
  /** Plain http beyond loopback is allowed. */
  readonly allowInsecure: boolean;
  /** A member of JSON replies that the library is not to see, because nothing here depends on it. */
  readonly without?: 'id_token' | undefined;
}

/** What a call failed of, as far as the wire tells. */
export interface WireFailure {
  readonly reason: UnknownReason;
  readonly retryAfterMs?: number | undefined;
}

/** The identity system's metadata names an address that nothing is sent to. */
const NOT_SENT: IdentityHttpOutcome = { status: 'failed', sent: 'no', reason: 'invalid_response' };
/** The library reads a longer challenge in quadratic time; a useful one has a few hundred characters. */
const LONGEST_CHALLENGE = 1_024;
/** Statuses whose replies have no body; `Response` refuses one. */
const WITHOUT_BODY = new Set([204, 205, 304]);

/**
 * One call of a protocol library, carried by the module's hardened HTTP client. What the wire said is remembered, so
 * that a failure is judged by it and not by an error whose message or cause may quote what was sent.
 */
export class IdentityCall {
  readonly #http: IdentityHttp;
  readonly #options: IdentityCallOptions;
  #outcome: IdentityHttpOutcome | undefined;
  #ownAnswer: { readonly url: string; readonly answer: () => Promise<unknown> } | undefined;

  constructor(http: IdentityHttp, options: IdentityCallOptions) {
    this.#http = http;
    this.#options = options;
  }

  /** The last outcome; undefined while nothing was sent. */
  get outcome(): IdentityHttpOutcome | undefined {
    return this.#outcome;
  }

  /** The reply's status; undefined without a reply. */
  get statusCode(): number | undefined {
    return this.#outcome?.status === 'reply' ? this.#outcome.statusCode : undefined;
  }

  /** The reply's JSON; undefined without one. */
  get json(): unknown {
    return this.#outcome?.status === 'reply' ? this.#outcome.json : undefined;
  }

  /** To be given to a library as its `fetch`. */
  readonly fetch: CustomFetch = async (url, { method, headers, body }) => {
    if (url === this.#ownAnswer?.url) return Response.json((await this.#ownAnswer.answer()) ?? {});
    if (!isSecureUrl(url, this.#options.allowInsecure)) {
      this.#outcome = NOT_SENT;
      throw new NoReplyError();
    }
    this.#outcome = await this.#http.send({
      purpose: this.#options.purpose,
      method: method as 'GET' | 'POST',
      url,
      headers,
      ...(body !== undefined && body !== null && { body: textOf(body) }),
      signal: this.#options.signal,
      idempotent: this.#options.idempotent,
    });
    return responseOf(this.#outcome, this.#options.without);
  };

  /** What a library asks for at this address is answered here, from what is at hand. */
  answerInstead(url: string | undefined, answer: () => Promise<unknown>): void {
    this.#ownAnswer = url === undefined ? undefined : { url, answer };
  }

  /** A plain request, for answers that no library reads. Undefined when there was no reply that counts. */
  async ask(
    url: string,
    headers: Readonly<Record<string, string>>,
    method: 'GET' | 'PUT' = 'GET',
  ): Promise<Extract<IdentityHttpOutcome, { status: 'reply' }> | undefined> {
    const { purpose, signal, idempotent, allowInsecure } = this.#options;
    this.#outcome = isSecureUrl(url, allowInsecure)
      ? await this.#http.send({ purpose, method, url, headers, signal, idempotent })
      : NOT_SENT;
    return this.#outcome.status === 'reply' && !this.failure() ? this.#outcome : undefined;
  }

  /** The answer speaks of another token than the one that was sent: nothing more is read from its connection. */
  mismatched(): IdentityVerdict {
    if (this.#outcome?.status === 'reply') this.#outcome.drop();
    return { status: 'unknown', reason: 'mismatched_reply' };
  }

  /** Why the wire gave no answer that a library could have judged; undefined when it did. */
  failure(): WireFailure | undefined {
    const outcome = this.#outcome;
    if (!outcome) return { reason: 'invalid_response' };
    if (outcome.status === 'failed') return { reason: outcome.reason };
    const { statusCode, retryAfterMs } = outcome;
    if (statusCode >= 500) return { reason: 'server_error', retryAfterMs };
    if (statusCode === 429) return { reason: 'rate_limited', retryAfterMs };
    return statusCode >= 300 && statusCode < 400 ? { reason: 'redirect' } : undefined;
  }
}

/** Only a sign for the library that calls; what happened is in the call's outcome. */
class NoReplyError extends Error {
  constructor() {
    super('the identity system gave no reply');
  }
}

function omitting(member: string) {
  return (key: string, value: unknown) => (key === member ? undefined : value);
}

function textOf(body: NonNullable<Parameters<CustomFetch>[1]['body']>): string {
  if (typeof body === 'string' || body instanceof URLSearchParams) return body.toString();
  throw new NoReplyError();
}

function responseOf(outcome: IdentityHttpOutcome, without: string | undefined): Response {
  if (outcome.status === 'failed' || outcome.statusCode < 200 || outcome.statusCode > 599) throw new NoReplyError();
  const { statusCode, headers = {}, json, body } = outcome;
  // Only bodies that passed as JSON: what is no well-formed UTF-8 would be read with its faults replaced.
  const text = json === undefined ? '' : Buffer.from(body ?? []).toString('utf8');
  const seen = without !== undefined && isJsonObject(json) ? JSON.stringify(json, omitting(without)) : text;
  const readable = ([name, value]: [string, string]) =>
    name.toLowerCase() !== 'www-authenticate' || value.length <= LONGEST_CHALLENGE;
  const init = { status: statusCode, headers: Object.entries(headers).filter(readable) };
  return new Response(WITHOUT_BODY.has(statusCode) ? null : seen, init);
}
