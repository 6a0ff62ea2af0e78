import type { AuthenticationContext } from '../verification/decision/verdict.js';

/** The part of Node's request, of HTTP/1.1 or HTTP/2, that shows whether its client is still there. */
interface Connected {
  readonly socket?: { readonly destroyed?: boolean } | null;
  readonly stream?: { readonly destroyed?: boolean };
}

/** The data of a request in addition to its token, computed only when the identity system is asked. */
export class RequestContext<Request extends object> implements AuthenticationContext {
  readonly #request: Request & { readonly raw?: object };
  readonly #sourceOf: ((request: Request) => string | undefined) | undefined;

  /** @param request a request of Node or Express, or Fastify's wrapper around one */
  constructor(request: Request, sourceOf: ((request: Request) => string | undefined) | undefined) {
    this.#request = request;
    this.#sourceOf = sourceOf;
  }

  get source(): string | undefined {
    return this.#sourceOf?.(this.#request);
  }

  /** Whether the client has closed its connection. */
  hasGone(): boolean {
    const { socket, stream }: Connected = this.#request.raw ?? this.#request;
    return socket?.destroyed === true || stream?.destroyed === true;
  }
}
