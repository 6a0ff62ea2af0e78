import type { EndingConnection } from '../connections/held-connections.js';
import type { NowggAuthError } from '../errors.js';
import type { RoutePolicy } from '../http/policy/policy.js';
import type { CallCredential } from '../http/transport.js';
import type { NowggPrincipal } from '../principal.js';
import type { AuthenticationContext, Verdict } from '../verification/decision/verdict.js';

/** How a kind of socket is closed, and where its user is shown. */
export interface SocketControls {
  /** Sends the reason and closes. Must not throw. */
  close(error: NowggAuthError): void;
  /** Shows the caller to the code of the application. */
  showUser(principal: NowggPrincipal | undefined): void;
  /** Whether the client has closed the connection. */
  hasGone(): boolean;
}

/** One socket of a client: what its handshake brought. Decisions are not kept here: each message is decided anew. */
export class SocketConnection implements EndingConnection {
  readonly policy: RoutePolicy;
  readonly context: AuthenticationContext;
  /** Socket.io or ws: their answers to messages differ. */
  readonly kind: 'socket.io' | 'ws';
  credential: CallCredential;
  /** Undefined for an anonymous caller, and for one whose token no handler needed yet. */
  principal: NowggPrincipal | undefined;
  isEnded = false;
  isReauthenticating = false;
  /** Whether a refusal of its token is being looked into. */
  isInDoubt = false;
  hasReauthenticationHandler = false;
  /** Receives the verdicts about its messages. */
  onVerdict: (verdict: Verdict) => void = () => undefined;
  readonly #controls: SocketControls;

  constructor(
    kind: SocketConnection['kind'],
    admitted: Pick<SocketConnection, 'policy' | 'credential' | 'principal'>,
    controls: SocketControls,
    source: string | undefined,
  ) {
    this.kind = kind;
    this.policy = admitted.policy;
    this.credential = admitted.credential;
    this.principal = admitted.principal;
    this.#controls = controls;
    this.context = { source, hasGone: () => controls.hasGone() };
    controls.showUser(admitted.principal);
  }

  /** Takes over a verdict's caller. */
  know(principal: NowggPrincipal): void {
    this.principal = principal;
    this.#controls.showUser(principal);
  }

  end(error: NowggAuthError): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#controls.close(error);
  }
}
