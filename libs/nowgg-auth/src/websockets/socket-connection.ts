import type { EndingConnection } from '../connections/held-connections.js';
import type { NowggAuthError } from '../errors.js';
import type { RoutePolicy } from '../http/policy/policy.js';
import type { CallCredential } from '../http/transport.js';
import type { NowggPrincipal } from '../principal.js';
import type { AuthenticationContext, Verdict } from '../verification/decision/verdict.js';

/** Learns of the verdicts about the messages of connections. */
export interface SocketWatcher {
  onVerdict(connection: SocketConnection, verdict: Verdict): void;
}

/** How a kind of socket is closed, and where its user is shown. */
export interface SocketControls {
  /** Sends the reason and closes. Must not throw. */
  close(error: NowggAuthError): void;
  /** Shows the caller to the code of the application. */
  showUser(principal: NowggPrincipal | undefined): void;
  /** Whether the client has closed the connection. */
  hasGone(): boolean;
}

/**
 * One socket of a client: what its handshake brought. Decisions are not kept here: each message is decided anew. There are
 * tens of thousands, so an idle one has no functions of its own.
 */
export class SocketConnection implements EndingConnection, AuthenticationContext {
  readonly policy: RoutePolicy;
  readonly source: string | undefined;
  /** Socket.io or ws: their answers to messages differ. */
  readonly kind: 'socket.io' | 'ws';
  credential: CallCredential;
  /** Undefined for an anonymous caller, and for one whose token no handler needed yet. */
  principal: NowggPrincipal | undefined;
  /** Whether its client is connected. */
  isOpen = false;
  isEnded = false;
  isReauthenticating = false;
  /** Whether a refusal of its token is being looked into. */
  isInDoubt = false;
  hasReauthenticationHandler = false;
  /** Receives the verdicts about its messages; undefined before it is watched. */
  watcher: SocketWatcher | undefined;
  readonly #controls: SocketControls;
  #onVerdict: ((verdict: Verdict) => void) | undefined;

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
    this.source = source;
    controls.showUser(admitted.principal);
  }

  /** Passes a verdict about a message to the watcher; the same function for each message. */
  get onVerdict(): (verdict: Verdict) => void {
    this.#onVerdict ??= (verdict) => this.watcher?.onVerdict(this, verdict);
    return this.#onVerdict;
  }

  hasGone(): boolean {
    return this.#controls.hasGone();
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
