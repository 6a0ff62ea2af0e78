import type { IncomingMessage } from 'node:http';
import {
  errorOfRefusal,
  errorOfUnknown,
  InvalidRequestError,
  InvalidTokenError,
  type InvalidTokenReason,
  NowggAuthError,
} from '../errors.js';
import type { HeldConnections } from '../connections/held-connections.js';
import { type Credential, requestSource } from '../http/credential.js';
import { removeText } from '../connections/token-removal.js';
import type { GuardedRequest } from '../http/transport.js';
import type { ResolvedNowggAuthOptions } from '../options/options.js';
import { HeldToken } from '../verification/held-token.js';
import type { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import type { AuthenticationContext, Verdict } from '../verification/decision/verdict.js';
import { forgetConnectionCredential, readConnectionCredential } from './connection-credential.js';

/** A WebSocket of the package `ws`. */
export interface OperationSocket {
  readonly readyState: number;
  send(data: string, done: (error?: Error) => void): void;
  close(code?: number, reason?: string): void;
  once(event: 'close', listener: () => void): unknown;
}

/** A connection that a client asks to open. */
export interface OpeningConnection {
  /** The object by which the operations of the connection are recognized. */
  readonly key: object;
  readonly socket: OperationSocket;
  readonly upgrade: GuardedRequest | undefined;
  readonly parameters: unknown;
}

/** A connection that was opened with a good token. */
export interface HeldOperations {
  readonly held: HeldToken;
  readonly beside: AuthenticationContext;
  end(error: NowggAuthError): void;
}

/** Close codes: clients of graphql-ws give up after the first, and connect again after the others. */
const CODE_UNAUTHENTICATED = 4401;
const CODE_EXPIRED = 4403;
const CODE_TRY_AGAIN = 1013;
const OPEN = 1;

interface Parts {
  readonly authenticator: NowggAuthenticator;
  readonly connections: HeldConnections;
  readonly options: ResolvedNowggAuthOptions;
}

/** The connections of one GraphQL transport, by the object that their operations show. */
export type HeldOperationsByKey = WeakMap<object, HeldOperations>;

/**
 * The GraphQL connections of an application. Inject it where `GraphQLModule` gets its options, and give it to
 * `nowggGraphqlWs()` or `nowggMercurius()`.
 */
export abstract class NowggGraphqlConnections {
  /**
   * Decides whether a connection is opened, and ends it later: when its token expires, at a ban and at a sign-out. The
   * credential is removed from what the application sees. A refused connection is closed with its reason.
   *
   * @param allowAnonymous whether a connection without a credential is opened; its operations are decided each
   */
  abstract open(opening: OpeningConnection, allowAnonymous: boolean): Promise<boolean>;
}

export class HeldGraphqlConnections extends NowggGraphqlConnections {
  readonly #byKey: HeldOperationsByKey;
  readonly #parts: Parts;

  constructor(byKey: HeldOperationsByKey, parts: Parts) {
    super();
    this.#byKey = byKey;
    this.#parts = parts;
  }

  override async open(opening: OpeningConnection, allowAnonymous: boolean): Promise<boolean> {
    const { key, socket, upgrade, parameters } = opening;
    const credential = this.#takeCredential(upgrade, parameters);
    if (credential instanceof NowggAuthError) return refuse(socket, credential);
    if (credential.outcome === 'none' && allowAnonymous) return true;
    if (credential.outcome !== 'token') return refuse(socket, errorWithoutToken(credential.outcome));
    const held = new HeldToken(credential.token);
    const source = upgrade ? requestSource(upgrade, this.#parts.options.verification) : undefined;
    const beside: AuthenticationContext = { source, hasGone: () => socket.readyState !== OPEN };
    const verdict = await this.#parts.authenticator.authenticateHeld(held, undefined, beside);
    if (verdict.status !== 'valid') return refuse(socket, errorOf(verdict));
    // It closed meanwhile: no event would remove it again.
    if (socket.readyState !== OPEN) return false;
    const { connections } = this.#parts;
    const connection: HeldOperations = { held, beside, end: (error) => close(socket, error) };
    socket.once('close', () => connections.remove(connection));
    this.#byKey.set(key, connection);
    connections.set(connection, { held, principal: verdict.principal });
    return socket.readyState === OPEN;
  }

  /** Removes the credential from what the application sees. */
  #takeCredential(upgrade: GuardedRequest | undefined, parameters: unknown): Credential | NowggAuthError {
    const { extract } = this.#parts.options.credentials;
    try {
      const credential = readConnectionCredential(upgrade, parameters, extract);
      const isElsewhere = extract !== undefined && credential.outcome === 'token';
      if (isElsewhere && upgrade) removeText((upgrade.raw ?? upgrade) as IncomingMessage, credential.token);
      return credential;
    } catch (error) {
      if (error instanceof NowggAuthError) return error;
      throw error;
    } finally {
      forgetConnectionCredential(upgrade, parameters);
    }
  }
}

function errorWithoutToken(outcome: 'none' | 'malformed' | 'ambiguous'): NowggAuthError {
  if (outcome === 'ambiguous') return new InvalidRequestError();
  return new InvalidTokenError(outcome === 'none' ? 'missing_token' : 'malformed_token');
}

function errorOf(verdict: Exclude<Verdict, { readonly status: 'valid' }>): NowggAuthError {
  return verdict.status === 'unknown' ? errorOfUnknown(verdict) : errorOfRefusal(verdict);
}

function refuse(socket: OperationSocket, error: NowggAuthError): false {
  close(socket, error);
  return false;
}

function close(socket: OperationSocket, error: NowggAuthError): void {
  const { errorCode } = error;
  // A client must not take a fault of ours, or of the identity system, for an answer about its token.
  const isTemporary = error.getStatus() >= 500;
  const code = errorCode === 'expired_token' ? CODE_EXPIRED : isTemporary ? CODE_TRY_AGAIN : CODE_UNAUTHENTICATED;
  // A close frame has no place for the reason of a ban; a ping has one for anything (graphql-transport-ws).
  const ban = errorCode === 'user_banned' ? error.getResponse() : undefined;
  if (ban) socket.send(JSON.stringify({ type: 'ping', payload: { 'nowgg:end': ban } }), () => undefined);
  socket.close(code, errorCode);
}

const ENDS_CONNECTION: ReadonlySet<string> = new Set<InvalidTokenReason>([
  'invalid_token',
  'expired_token',
  'revoked_token',
  'signed_in_elsewhere',
]);

/** Closes a connection whose token the identity system refuses from now on, whatever the operation demanded. */
export function onOperationVerdict(connection: HeldOperations, verdict: Verdict): void {
  if (verdict.status !== 'invalid') return;
  const { reason } = verdict;
  if (ENDS_CONNECTION.has(reason)) connection.end(new InvalidTokenError(reason as InvalidTokenReason));
  else if (reason === 'user_banned') connection.end(errorOfRefusal(verdict));
}
