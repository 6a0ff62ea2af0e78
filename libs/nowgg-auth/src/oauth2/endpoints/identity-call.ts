import type { CustomFetch } from 'openid-client';
import type { IdentityHttp, IdentityHttpOutcome, IdentityHttpPurpose } from '../../identity/identity-http.js';
import { isJsonObject } from '../../identity/claims.js';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { UnknownReason } from '../../identity/reasons.js';
import { isSecureUrl } from '../../identity/urls.js';

interface IdentityCallOptions {
  readonly purpose: IdentityHttpPurpose;
  /** Carries the total deadline; the library's own timeouts do not apply. */
  readonly signal: AbortSignal;
  /** Whether to retry once when the peer closed a kept-alive socket during the request. */
  readonly idempotent: boolean;
  /** Whether plain http to hosts other than loopback is allowed. */
  readonly allowInsecure: boolean;
  /** Changes JSON replies before the library reads them. A 201 then counts as a 200. */
  readonly rewrite?: RewriteBody | undefined;
}

/** Returns the body that the library reads instead of the one of the reply. */
export type RewriteBody = (body: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;

/** The failure of a call, judged only by the HTTP exchange. */
interface WireFailure {
  readonly reason: UnknownReason;
  readonly retryAfterMs?: number | undefined;
}

/** Outcome when the identity system's metadata names an address that must not be called. */
const NOT_SENT: IdentityHttpOutcome = { status: 'failed', sent: 'no', reason: 'invalid_response' };
/** The library parses longer challenges in quadratic time; a useful one has a few hundred characters. */
const LONGEST_CHALLENGE = 1_024;
/** Statuses whose replies have no body; `Response` refuses one. */
const WITHOUT_BODY = new Set([204, 205, 304]);

/**
 * One call of a protocol library, sent by the module's hardened HTTP client. The call keeps the HTTP outcome, so that a
 * failure is judged by it and not by an error whose message or cause may quote the request.
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

  /** The media type of the reply in lower case, without parameters; undefined without one. */
  get contentType(): string | undefined {
    const header = this.#outcome?.status === 'reply' ? this.#outcome.headers?.['content-type'] : undefined;
    return header?.split(';', 1)[0]?.trim().toLowerCase();
  }

  /** The reply's JSON; undefined without one. */
  get json(): unknown {
    return this.#outcome?.status === 'reply' ? this.#outcome.json : undefined;
  }

  /** The `fetch` function for a library. */
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
    return responseOf(this.#outcome, this.#options.rewrite);
  };

  /** Answers the library's requests to this address locally, without an HTTP request. */
  answerInstead(url: string | undefined, answer: () => Promise<unknown>): void {
    this.#ownAnswer = url === undefined ? undefined : { url, answer };
  }

  /** Sends a plain request, for answers that no library reads. Undefined when there was no usable reply. */
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

  /** The verdict for an answer about another token than the one that was sent. Closes the connection. */
  mismatched(): IdentityVerdict {
    if (this.#outcome?.status === 'reply') this.#outcome.drop();
    return { status: 'unknown', reason: 'mismatched_reply' };
  }

  /** Reason why there is no answer that a library could have judged; undefined when there is one. */
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

/** Only a signal for the calling library; the details are in the call's outcome. */
class NoReplyError extends Error {
  constructor() {
    super('the identity system did not reply');
  }
}

function textOf(body: NonNullable<Parameters<CustomFetch>[1]['body']>): string {
  if (typeof body === 'string' || body instanceof URLSearchParams) return body.toString();
  throw new NoReplyError();
}

function responseOf(outcome: IdentityHttpOutcome, rewrite: RewriteBody | undefined): Response {
  if (outcome.status === 'failed' || outcome.statusCode < 200 || outcome.statusCode > 599) throw new NoReplyError();
  const { statusCode, headers = {}, json, body } = outcome;
  // Only bodies that were parsed as JSON: the library would replace malformed UTF-8 instead of refusing it.
  const text = json === undefined ? '' : Buffer.from(body ?? []).toString('utf8');
  const seen = rewrite && isJsonObject(json) ? JSON.stringify(rewrite(json)) : text;
  const readable = ([name, value]: [string, string]) =>
    name.toLowerCase() !== 'www-authenticate' || value.length <= LONGEST_CHALLENGE;
  const status = rewrite && statusCode === 201 ? 200 : statusCode;
  const init = { status, headers: Object.entries(headers).filter(readable) };
  return new Response(WITHOUT_BODY.has(statusCode) ? null : seen, init);
}
