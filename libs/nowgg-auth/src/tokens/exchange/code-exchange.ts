import { randomUUID } from 'node:crypto';
import { IdentityUnavailableError, InvalidGrantError, NowggConfigurationError } from '../../errors.js';
import type { AuthorizationCallback, IdentityProvider } from '../../identity/identity-provider.js';
import type { NowggAuthenticator } from '../../verification/nowgg-authenticator.js';
import { codeHashOf, isAuthorizationCode } from './authorization-code.js';
import type { AdmittedCode } from '../calls/code-admission.js';
import { CodeAttempt, NOT_ADMITTED_RETRY_S } from './code-attempt.js';
import { CompletedExchanges, type ExchangedCode } from './completed-exchange.js';
import type { GrantRevoker } from '../ending/grant-revoker.js';
import { DetachableSingleFlight } from '../../resilience/detachable-single-flight.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';

/** The values sent with a code. */
export interface CodeExchangeOptions {
  /** Name of the identity provider that issued the code; required when there are several. */
  readonly provider?: string;
  /** The redirect URI of the authorization request. OAuth 2.0 only. */
  readonly redirectUri?: string;
  /** The PKCE code verifier (RFC 7636). OAuth 2.0 only. */
  readonly codeVerifier?: string;
  /** The callback that brought the code from the browser. OAuth 2.0 only; the authorization flow fills it in. */
  readonly authorization?: AuthorizationCallback;
  /** The source of the request, as the application states it. Limits how many codes one source may send. */
  readonly source?: string | undefined;
}

/** A code and the values sent with it. */
type CodeRequest = CodeExchangeOptions & { readonly code: string };

const FIRST_PAUSE_MS = 25;

/**
 * Exchanges one code for one grant: admission, then a claim on the code across all processes, then a {@link
 * CodeAttempt}. A code works once, so a caller that sends it again, in any process, continues where the last one
 * stopped and gets the same grant.
 */
export class CodeExchanger {
  readonly #parts: TokenDependencies;
  readonly #authenticator: NowggAuthenticator;
  readonly #completed: CompletedExchanges;
  readonly #inProgress = new DetachableSingleFlight<ExchangedCode>();
  readonly #stopping = new AbortController();

  constructor(parts: TokenDependencies, authenticator: NowggAuthenticator, ending: GrantRevoker) {
    this.#parts = parts;
    this.#authenticator = authenticator;
    this.#completed = new CompletedExchanges(parts, authenticator, ending);
  }

  /** @throws InvalidGrantError, IdentityUnavailableError, NowggConfigurationError */
  async exchange(code: string, options: CodeExchangeOptions): Promise<ExchangedCode> {
    if (!isAuthorizationCode(code)) throw new InvalidGrantError();
    const provider = this.#parts.identityProviders.getOrOnly(options.provider);
    if (!provider.canObtainTokens) {
      throw new NowggConfigurationError('this identity provider has no client secret: it cannot exchange codes');
    }
    if (!options.authorization && !provider.acceptsBareCodes) {
      throw new NowggConfigurationError(
        'this identity provider has an authorization flow, whose callback takes its codes, unless acceptCodesAtLogin is set',
      );
    }
    const codeHash = codeHashOf(provider.name, provider.clientKey, code, options.redirectUri, options.codeVerifier);
    return this.#inProgress.join(codeHash, (leave) =>
      this.#exchangeWithinLease(provider, codeHash, { ...options, code }, leave),
    );
  }

  /** Waits for every exchange in progress; callers that wait for another process stop waiting. */
  async drain(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#inProgress.pending);
  }

  async #exchangeWithinLease(
    provider: IdentityProvider,
    codeHash: string,
    request: CodeRequest,
    leave: () => void,
  ): Promise<ExchangedCode> {
    const { clock, deadlines, timing } = this.#parts;
    // Once the lease has lapsed any process may continue, including this one.
    const clearDeadline = deadlines.set(clock.monotonicNow() + timing.leaseMs, leave);
    try {
      return await this.#admitAndExchange(provider, codeHash, request);
    } finally {
      clearDeadline();
    }
  }

  async #admitAndExchange(provider: IdentityProvider, codeHash: string, request: CodeRequest): Promise<ExchangedCode> {
    const { codes, store } = this.#parts;
    const { name, clientKey } = provider;
    const admitted = await codes.admit({ provider: name, clientKey, source: request.source });
    // Before the claim, so that nothing is written for the code. A code that was sent before needs no admission to
    // continue.
    if (!admitted && !(await store.findExchange(codeHash))) throw new IdentityUnavailableError(NOT_ADMITTED_RETRY_S);
    let outcome: Parameters<AdmittedCode['end']>[0] = 'neither';
    try {
      return await this.#claimAndAttempt(provider, codeHash, request, admitted && ((sent) => void (outcome = sent)));
    } finally {
      admitted?.end(outcome);
    }
  }

  /** @param onSent called with the outcome of the code when it was sent; undefined when the code may not be sent */
  async #claimAndAttempt(
    provider: IdentityProvider,
    codeHash: string,
    { code, redirectUri, codeVerifier, authorization }: CodeRequest,
    onSent: AdmittedCode['end'] | undefined,
  ): Promise<ExchangedCode> {
    const { store, timing, clock } = this.#parts;
    const waitUntil = clock.monotonicNow() + timing.softDeadlineMs;
    for (;;) {
      const key = { codeHash, owner: randomUUID() };
      const claim = await store.claimExchange({ ...key, leaseMs: timing.leaseMs });
      if (claim.outcome === 'completed') return this.#completed.replay(claim.exchange);
      if (claim.outcome === 'acquired') {
        const context = {
          parts: this.#parts,
          authenticator: this.#authenticator,
          completed: this.#completed,
          provider,
          request: { code, redirectUri, codeVerifier, authorization },
          onSent,
        };
        return new CodeAttempt(context, key, claim).run();
      }
      await this.#awaitHolder(codeHash, waitUntil);
    }
  }

  /** Returns when the code can be claimed or has become a grant. */
  async #awaitHolder(codeHash: string, until: number): Promise<void> {
    const { clock, store, timing } = this.#parts;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, timing.pollMs)) {
      if (this.#stopping.signal.aborted || clock.monotonicNow() >= until) throw new IdentityUnavailableError();
      await clock.wait(pauseMs * (0.75 + Math.random() / 2));
      const current = await store.findExchange(codeHash);
      // Only a refusal deletes a claim while another caller waits for it.
      if (!current) throw new InvalidGrantError();
      if (current.grantId !== undefined || (current.leaseUntilMs ?? 0) <= current.readAtMs) return;
    }
  }
}
