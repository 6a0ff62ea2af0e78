import type { NowggPrincipal } from '../principal.js';
import { isForwarded } from '../verification/forwarded-callers.js';
import type { HeldToken } from '../verification/held-token.js';
import type { EndingConnection, HeldConnections } from './held-connections.js';

/** A decision about a request, as far as the request shows it. */
export interface ShownDecision {
  readonly principal: NowggPrincipal;
  readonly player?: { readonly value: unknown } | undefined;
  readonly request: object;
  /** Reads the token of the request again and encrypts it, for a response that may outlive it. */
  readonly hold?: ((request: object) => HeldToken | undefined) | undefined;
}

/** The token of a caller, for a response that may outlive it; undefined for a caller whom a proxy has authenticated. */
export function heldTokenOf({ request, principal, hold }: ShownDecision): HeldToken | undefined {
  // A token beside a forwarded identity may be another caller's.
  return isForwarded(principal) ? undefined : hold?.(request);
}

/** The parts of a response of Node that are used, of HTTP/1.1 or HTTP/2. */
export interface OpenResponse {
  readonly destroyed?: boolean;
  readonly stream?: { readonly destroyed?: boolean } | null;
  once(event: 'close', listener: () => void): unknown;
}

/** The caller as a request shows it to the code of the application. Contains no text of a token. */
export class RequestCaller {
  readonly principal: NowggPrincipal;
  readonly #decision: ShownDecision;
  readonly #connections: HeldConnections | undefined;
  readonly #response: OpenResponse | undefined;
  #ended: AbortSignal | undefined;

  /** @param response undefined where the response is not known, such as that of a GraphQL operation */
  constructor(
    decision: ShownDecision,
    connections: HeldConnections | undefined,
    response: { readonly raw?: OpenResponse } | undefined,
  ) {
    this.principal = decision.principal;
    this.#decision = decision;
    this.#connections = connections;
    this.#response = response?.raw ?? (response as OpenResponse | undefined);
  }

  get player(): unknown {
    return this.#decision.player?.value;
  }

  get ended(): AbortSignal | undefined {
    if (!this.#connections || !this.#response) return undefined;
    this.#ended ??= endOf(this.#decision, this.#connections, this.#response);
    return this.#ended;
  }
}

/** Watches the caller of an open response until it is closed. */
function endOf(decision: ShownDecision, connections: HeldConnections, response: OpenResponse): AbortSignal {
  const controller = new AbortController();
  if (response.destroyed === true || response.stream?.destroyed === true) return controller.signal;
  const connection: EndingConnection = { end: (error) => controller.abort(error) };
  response.once('close', () => connections.remove(connection));
  connections.set(connection, { held: heldTokenOf(decision), principal: decision.principal });
  return controller.signal;
}
