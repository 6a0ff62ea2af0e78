import { createHash, randomUUID } from 'node:crypto';
import { InvalidGrantError, InvalidRequestError, NowggConfigurationError } from '../../errors.js';
import type { AuthorizationCallback } from '../../identity/identity-provider.js';
import { DetachableSingleFlight } from '../../resilience/detachable-single-flight.js';
import type { NowggAuthenticator } from '../../verification/nowgg-authenticator.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';
import type { GrantRevoker } from '../ending/grant-revoker.js';
import { CompletedExchanges, type ExchangedCode } from './completed-exchange.js';
import { ExchangeAttempt, type ExchangeContext } from './exchange-attempt.js';
import type { NowggSessionProof } from '../session/presented-proof.js';
import type { ProvenKey } from '../session/session-proofs.js';
import type { SessionDeviceOptions } from './session-device.js';

/** The values sent with a code. */
export interface CodeExchangeOptions extends SessionDeviceOptions {
  /** Name of the identity provider that issued the code; required when there are several. */
  readonly provider?: string;
  /** The redirect URI of the authorization request. OAuth 2.0 only. */
  readonly redirectUri?: string;
  /** The PKCE code verifier (RFC 7636). OAuth 2.0 only. */
  readonly codeVerifier?: string;
  /** The callback that brought the code from the browser. OAuth 2.0 only; the authorization flow fills it in. */
  readonly authorization?: AuthorizationCallback;
  /**
   * The scopes of the authorization request. They are the granted ones where the identity system's reply states none
   * (RFC 6749 section 5.1); without them, the scopes are then not known. OAuth 2.0 only; the authorization flow fills it
   * in.
   */
  readonly scopes?: readonly string[];
  /**
   * A random id of this sign-in that its client alone knows, of 32 to 128 characters: 32 random bytes, for example. After
   * the exchange is finished, the same code gives the same grant only with the same id. Without one, for five seconds
   * only, with the event `code_replayed`. Only a hash is stored. A {@link codeVerifier} serves as one.
   */
  readonly attemptId?: string | undefined;
  /**
   * The proof of the key that the new session is to be bound to: `proofOf(request)`. See `tokens.sessions.binding`.
   */
  readonly proof?: NowggSessionProof | undefined;
  /** The source of the request, as the application states it. Limits how many codes one source may send. */
  readonly source?: string | undefined;
}

/** Starts exchanges: at most one per code in this process. */
export class CodeExchanger {
  readonly #context: ExchangeContext;
  readonly #inProgress = new DetachableSingleFlight<ExchangedCode>();
  readonly #stopping = new AbortController();

  constructor(parts: TokenDependencies, authenticator: NowggAuthenticator, ending: GrantRevoker) {
    const completed = new CompletedExchanges(parts, authenticator, ending);
    this.#context = { parts, authenticator, completed, stopping: this.#stopping.signal };
  }

  /**
   * Exchanges a code for one grant. A caller that sends the code again, in any process, gets the same grant.
   * @param key the key that the grant is to be bound to
   * @throws InvalidGrantError, InvalidRequestError, IdentityUnavailableError, NowggConfigurationError
   * @throws SessionProofError when the proof of the key was used before
   */
  async exchange(code: string, options: CodeExchangeOptions, key?: ProvenKey): Promise<ExchangedCode> {
    if (!isAuthorizationCode(code)) throw new InvalidGrantError();
    const provider = this.#context.parts.identityProviders.getOrOnly(options.provider);
    if (!provider.canObtainTokens) {
      throw new NowggConfigurationError('this identity provider has no client secret: it cannot exchange codes');
    }
    if (!options.authorization && !provider.acceptsBareCodes) {
      throw new NowggConfigurationError(
        'this identity provider has an authorization flow, whose callback takes its codes, unless acceptCodesAtLogin is set',
      );
    }
    const { attemptId, codeVerifier, redirectUri } = options;
    if (attemptId !== undefined && !isAttemptId(attemptId)) {
      throw new InvalidRequestError('the attempt id must be a text of 32 to 128 characters');
    }
    const codeHash = codeHashOf(provider.name, provider.clientKey, code, redirectUri, codeVerifier);
    const shown = attemptId ?? codeVerifier;
    const attemptKey = shown === undefined ? undefined : codeHashOf('attempt', codeHash, shown);
    // A caller with a proof shares the result of no other: each proof is claimed, and each session has its own key.
    const flight = key ? `${codeHash} ${randomUUID()}` : codeHash;
    return this.#inProgress.join(flight, (leave) =>
      new ExchangeAttempt(this.#context, provider, codeHash, { ...options, code, attemptKey, key }).run(leave),
    );
  }

  /** Waits for every exchange in progress; callers that wait for another process stop waiting. */
  async drain(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#inProgress.pending);
  }
}

const LONGEST_CODE = 2_048;

/**
 * Whether a value is 1 to 2,048 visible ASCII characters. Any other value is not a code of any identity system, and no
 * call is needed.
 */
export function isAuthorizationCode(code: unknown): code is string {
  return typeof code === 'string' && code.length <= LONGEST_CODE && /^[\x21-\x7e]+$/.test(code);
}

function isAttemptId(id: unknown): boolean {
  return typeof id === 'string' && id.length >= 32 && id.length <= 128;
}

/**
 * The name under which a code is claimed. The values sent with the code are part of the name: a caller without the
 * verifier does not get the grant of the caller that had it.
 *
 * @param parts name of the provider, client key and code, and the values sent with the code or undefined
 */
export function codeHashOf(...parts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256');
  // Length-prefixed, so that no two lists of parts have the same bytes.
  for (const part of parts) hash.update(part === undefined ? '-;' : `${Buffer.byteLength(part)}:${part};`);
  return hash.digest('base64url');
}
