import { randomUUID } from 'node:crypto';
import { IdentityUnavailableError, InvalidGrantError, NowggConfigurationError } from '../errors.js';
import type { AuthorizationCallback, IdentityProvider, TokenOutcome, TokenSet } from '../identity/identity-provider.js';
import type { NowggPrincipal } from '../principal.js';
import { publishSecurityEvent } from '../security-events.js';
import type { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import { codeHashOf, isAuthorizationCode } from './authorization-code.js';
import type { ExchangeClaim, ExchangeKey, ExchangeRecord } from './exchange-record.js';
import { firstGrant } from './first-grant.js';
import type { GrantEnding } from './grant-ending.js';
import { isOrigin } from './grant-origin.js';
import type { GrantRecord } from './grant-record.js';
import { RefreshFlights } from './refresh-flights.js';
import type { TokenParts } from './token-parts.js';
import { openReply, sealReply } from './sealed-reply.js';
import type { AdmittedCode } from './code-admission.js';
import { callTokenEndpoint, circuitKey } from './token-call.js';

/** What is sent with a code. */
export interface CodeExchangeOptions {
  /** Name of the identity provider that issued the code; needed when there are several. */
  readonly provider?: string;
  /** The redirect URI of the authorization request. OAuth 2.0 only. */
  readonly redirectUri?: string;
  /** The PKCE code verifier (RFC 7636). OAuth 2.0 only. */
  readonly codeVerifier?: string;
  /** How the code came back from the browser. OAuth 2.0 only; the authorization flow fills it in. */
  readonly authorization?: AuthorizationCallback;
  /** What the application says the request's source is. Bounds how many codes one source may bring. */
  readonly source?: string | undefined;
}

export interface ExchangedCode {
  readonly grant: GrantRecord;
  readonly principal: NowggPrincipal;
}

type MyClaim = Extract<ExchangeClaim, { outcome: 'mine' }>;

/** When a code that was not admitted may be brought again, seconds. */
const NOT_ADMITTED_RETRY_S = 5;

const FIRST_PAUSE_MS = 25;
/** When a code that was refused in doubt may be tried again, milliseconds. */
const DOUBTED_CODE_RETRY_MS = 5_000;

/**
 * Makes one grant out of one code: claim, call, seal the reply at once, verify, create. A code works once, so whoever
 * brings it again, in whatever process, goes on where the last one stopped and gets the same grant.
 */
export class CodeExchanger {
  readonly #parts: TokenParts;
  readonly #authenticator: NowggAuthenticator;
  readonly #ending: GrantEnding;
  readonly #flights = new RefreshFlights<ExchangedCode>();
  readonly #stopping = new AbortController();

  constructor(parts: TokenParts, authenticator: NowggAuthenticator, ending: GrantEnding) {
    this.#parts = parts;
    this.#authenticator = authenticator;
    this.#ending = ending;
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
    return this.#flights.join(codeHash, (leave) => this.#fly(provider, codeHash, { ...options, code }, leave));
  }

  /** Waits for every exchange under way; who waits for another process stops waiting. */
  async drain(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#flights.inTheAir);
  }

  async #fly(
    provider: IdentityProvider,
    codeHash: string,
    request: CodeExchangeOptions & { code: string },
    leave: () => void,
  ): Promise<ExchangedCode> {
    const { clock, deadlines, timing } = this.#parts;
    // When the lease has lapsed anybody may go on, this process included.
    const landed = deadlines.set(clock.monotonicNow() + timing.leaseMs, leave);
    try {
      return await this.#exchange(provider, codeHash, request);
    } finally {
      landed();
    }
  }

  async #exchange(
    provider: IdentityProvider,
    codeHash: string,
    request: CodeExchangeOptions & { code: string },
  ): Promise<ExchangedCode> {
    const { codes, store } = this.#parts;
    const { name, clientKey } = provider;
    const admitted = await codes.admit({ provider: name, clientKey, source: request.source });
    // Before it is claimed, so that nothing is written for it. One that was sent before needs no admission to go on.
    if (!admitted && !(await store.findExchange(codeHash))) throw new IdentityUnavailableError(NOT_ADMITTED_RETRY_S);
    let outcome: Parameters<AdmittedCode['end']>[0] = 'neither';
    try {
      return await this.#claimAndGoOn(provider, codeHash, request, admitted && ((sent) => void (outcome = sent)));
    } finally {
      admitted?.end(outcome);
    }
  }

  /** @param onSent told what became of the code when it was sent; undefined when it may not be sent */
  async #claimAndGoOn(
    provider: IdentityProvider,
    codeHash: string,
    request: CodeExchangeOptions & { code: string },
    onSent: AdmittedCode['end'] | undefined,
  ): Promise<ExchangedCode> {
    const { store, timing, clock } = this.#parts;
    const waitUntil = clock.monotonicNow() + timing.softDeadlineMs;
    for (;;) {
      const key = { codeHash, owner: randomUUID() };
      const claim = await store.claimExchange({ ...key, leaseMs: timing.leaseMs });
      if (claim.outcome === 'completed') return this.#completed(claim.exchange);
      if (claim.outcome === 'mine') return this.#goOn(provider, key, claim, request, onSent);
      await this.#awaitHolder(codeHash, waitUntil);
    }
  }

  async #goOn(
    provider: IdentityProvider,
    key: ExchangeKey,
    claim: MyClaim,
    request: CodeExchangeOptions & { code: string },
    onSent: AdmittedCode['end'] | undefined,
  ): Promise<ExchangedCode> {
    const { replyCt } = claim.exchange;
    const tokens = replyCt
      ? openReply(this.#parts.vault, provider, key.codeHash, replyCt)
      : await this.#askIfAdmitted(provider, key, claim, request, onSent);
    return this.#verifyAndCreate(provider, key, tokens, claim.exchange.createdAtMs);
  }

  async #askIfAdmitted(
    provider: IdentityProvider,
    key: ExchangeKey,
    claim: MyClaim,
    request: CodeExchangeOptions & { code: string },
    onSent: AdmittedCode['end'] | undefined,
  ): Promise<TokenSet> {
    if (!onSent) return this.#giveUp(key, 'now', NOT_ADMITTED_RETRY_S * 1000);
    return this.#ask(provider, key, claim, request, onSent);
  }

  async #ask(
    provider: IdentityProvider,
    key: ExchangeKey,
    claim: MyClaim,
    request: CodeExchangeOptions & { code: string },
    onSent: AdmittedCode['end'],
  ): Promise<TokenSet> {
    const { circuits, clock, evidence, timing, successes, store, unsaved, vault } = this.#parts;
    const { clientKey } = provider;
    const closedForMs = circuits.enter(circuitKey('code', clientKey));
    if (closedForMs > 0) return this.#giveUp(key, 'now', closedForMs);
    const { code, redirectUri, codeVerifier, authorization } = request;
    const sent = { code, redirectUri, codeVerifier, authorization };
    const send = () => provider.exchangeCode({ ...sent, signal: AbortSignal.timeout(timing.harvestMs) });
    // A code is never replayed by itself: it works once, and a second use may count as theft.
    const startedAt = clock.monotonicNow();
    const mayRepeat = () => clock.monotonicNow() - startedAt < timing.leaseMs / 2;
    const call = { purpose: 'code', clientKey, send, resendMs: timing.resendMs, replays: false, mayRepeat } as const;
    const clientEvidence = evidence.of(provider.name);
    const left = clientEvidence.sent();
    const { outcome } = await callTokenEndpoint(call, circuits, clock);
    if (outcome.status === 'tokens') clientEvidence.tokensIssued(left);
    if (outcome.status === 'tokens' || outcome.status === 'refused') {
      onSent(outcome.status === 'tokens' ? 'accepted' : 'refused');
    }
    if (outcome.status !== 'tokens') return this.#failed(provider, key, claim, outcome);
    const { tokens } = outcome;
    if (tokens.refreshToken === undefined) return this.#forget(key, withoutRefreshToken());
    const replyCt = sealReply(vault, provider, key.codeHash, tokens);
    await unsaved.save({ provider: provider.name, grantId: undefined }, () =>
      store.sealExchange(key.codeHash, replyCt),
    );
    await successes.note(provider.clientKey);
    return tokens;
  }

  async #failed(
    provider: IdentityProvider,
    key: ExchangeKey,
    claim: MyClaim,
    outcome: Exclude<TokenOutcome, { status: 'tokens' }>,
  ): Promise<TokenSet> {
    switch (outcome.status) {
      case 'refused':
        return this.#refused(provider, key, claim, outcome.definite);
      case 'in_doubt':
        return this.#giveUp(key, 'when_lapsed', this.#parts.timing.leaseMs);
      case 'busy':
        return this.#giveUp(key, 'now', outcome.retryAfterMs ?? 0);
      default:
        return this.#giveUp(key, 'now', 0);
    }
  }

  /** Who had the code before may have used it up and still bring the reply; until that is out, a no proves nothing. */
  async #refused(provider: IdentityProvider, key: ExchangeKey, claim: MyClaim, definite: boolean): Promise<TokenSet> {
    const { evidence, store, timing, vault } = this.#parts;
    const waitedMs = claim.exchange.readAtMs - claim.exchange.createdAtMs;
    const mayStillCome = claim.predecessorInDoubt && waitedMs < timing.harvestMs;
    // A wrong client secret is refused in the same way as a code.
    const isInDoubt = !mayStillCome && !definite && !(await evidence.of(provider.name).believesCode(key.codeHash));
    if (isInDoubt) return this.#giveUp(key, 'now', DOUBTED_CODE_RETRY_MS);
    if (!mayStillCome && (await store.removeExchange({ ...key, unlessSealed: true }))) throw new InvalidGrantError();
    const current = await store.findExchange(key.codeHash);
    if (current?.replyCt) return openReply(vault, provider, key.codeHash, current.replyCt);
    // The claim is left to lapse with its owner's name on it, so that the next one knows of the doubt too.
    throw new IdentityUnavailableError(timing.leaseMs / 1000);
  }

  async #verifyAndCreate(
    provider: IdentityProvider,
    key: ExchangeKey,
    tokens: TokenSet,
    begunAtMs: number,
  ): Promise<ExchangedCode> {
    const policy = { provider: provider.name, tokenType: 'token' } as const;
    const verdict = await this.#parts.issuedTokens.during(
      provider.name,
      provider.credentialIdOf(tokens.accessToken),
      begunAtMs,
      () => this.#authenticator.authenticate(tokens.accessToken, policy),
    );
    if (verdict.status === 'unknown') return this.#giveUp(key, 'now', verdict.retryAfterSeconds * 1000);
    if (verdict.status === 'invalid' || verdict.principal.provider !== provider.name) {
      return this.#forget(key, new InvalidGrantError());
    }
    const { principal } = verdict;
    // An id_token and an access token of two users: somebody exchanged one of them.
    if (tokens.subject !== undefined && tokens.subject !== principal.subject) {
      return this.#forget(key, new InvalidGrantError());
    }
    const { store, unsaved, vault } = this.#parts;
    const grant = firstGrant(vault, provider, principal, tokens, key.codeHash);
    const owner = { provider: provider.name, grantId: grant.id };
    const created = await unsaved.save(owner, () => store.completeExchange(key.codeHash, grant));
    if (created) return { grant: await this.#unrevoked(created), principal };
    const finished = await store.findExchange(key.codeHash);
    if (finished?.grantId === undefined) throw new IdentityUnavailableError();
    return this.#completed(finished);
  }

  /**
   * The grant, unless its user was signed out everywhere or banned while the sign-in was under way. A ban that was
   * written by another process, or by SQL, may have been committed before the grant without ending it: only a look that
   * begins after the grant was stored is sure to find it.
   */
  async #unrevoked(grant: GrantRecord): Promise<GrantRecord> {
    if (grant.state === 'revoked') {
      await this.#ending.finish([grant]);
      throw new InvalidGrantError();
    }
    if (!(await this.#parts.grantRevocations?.isRefusedInStore(grant))) return grant;
    await this.#ending.revoke(grant.id);
    throw new InvalidGrantError();
  }

  /** The same code once more: the same grant, for a while. */
  async #completed(exchange: ExchangeRecord): Promise<ExchangedCode> {
    const { store, vault, timing } = this.#parts;
    const ageMs = exchange.readAtMs - (exchange.completedAtMs ?? 0);
    if (ageMs > timing.exchangeReplayMs) throw new InvalidGrantError();
    const found = await store.findGrant(exchange.grantId as string);
    if (!found || found.state === 'needs_reauth') throw new InvalidGrantError();
    if (!isOrigin(vault.ring, found.originMac, exchange.codeHash, found.id)) {
      publishSecurityEvent({ type: 'relabelled_row', provider: found.provider });
      throw new InvalidGrantError();
    }
    const grant = await this.#unrevoked(found);
    const policy = { provider: grant.provider, tokenType: 'token' } as const;
    const verdict = await this.#authenticator.authenticate(vault.accessTokenOf(grant).token, policy);
    if (verdict.status === 'valid' && verdict.principal.userId === grant.userId) {
      return { grant, principal: verdict.principal };
    }
    throw verdict.status === 'unknown'
      ? new IdentityUnavailableError(verdict.retryAfterSeconds)
      : new InvalidGrantError();
  }

  async #giveUp(key: ExchangeKey, next: 'now' | 'when_lapsed', retryInMs: number): Promise<never> {
    await this.#parts.store.releaseExchange({ ...key, next });
    throw new IdentityUnavailableError(retryInMs / 1000);
  }

  async #forget(key: ExchangeKey, error: Error): Promise<never> {
    await this.#parts.store.removeExchange({ ...key, unlessSealed: false });
    throw error;
  }

  /** Returns when the code may be had or has become a grant. */
  async #awaitHolder(codeHash: string, until: number): Promise<void> {
    const { clock, store, timing } = this.#parts;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, timing.pollMs)) {
      if (this.#stopping.signal.aborted || clock.monotonicNow() >= until) throw new IdentityUnavailableError();
      await clock.wait(pauseMs * (0.75 + Math.random() / 2));
      const current = await store.findExchange(codeHash);
      // Only a refusal makes a claim go away while somebody waits for it.
      if (!current) throw new InvalidGrantError();
      if (current.grantId !== undefined || (current.leaseUntilMs ?? 0) <= current.readAtMs) return;
    }
  }
}

/** A standard system issues one only for certain scopes or clients: asking again would not help. */
function withoutRefreshToken(): NowggConfigurationError {
  return new NowggConfigurationError(
    'the identity system issued no refresh token: ask for the scope that makes it do so, such as offline_access',
  );
}
