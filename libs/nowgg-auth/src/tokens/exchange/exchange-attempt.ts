import { randomUUID } from 'node:crypto';
import { NO_REFRESH_TOKEN } from '../vault/vault.js';
import {
  errorOfRefusal,
  errorOfUnknown,
  IdentityUnavailableError,
  InvalidGrantError,
  NowggConfigurationError,
  SessionProofError,
  StoreUnavailableError,
  UserBannedError,
} from '../../errors.js';
import type {
  CodeExchangeRequest,
  IdentityProvider,
  TokenOutcome,
  TokenSet,
} from '../../identity/identity-provider.js';
import { type ExchangeOutcome, publishTokenEvent } from '../events/token-events.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import type { NowggPrincipal } from '../../principal.js';
import type { NowggAuthenticator } from '../../verification/nowgg-authenticator.js';
import type { AuthenticationContext, Verdict } from '../../verification/decision/verdict.js';
import type { AdmittedCode } from '../calls/code-admission.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';
import type { ExchangeClaim, ExchangeKey } from '../store/exchange-record.js';
import type { CompletedExchanges, ExchangedCode } from './completed-exchange.js';
import type { ProvenKey } from '../session/session-proofs.js';
import { sessionDevice, type SessionDeviceOptions } from './session-device.js';

const FIRST_PAUSE_MS = 25;
/** Time after which a code that was not admitted may be sent again, in seconds. */
const NOT_ADMITTED_RETRY_S = 5;
/** Time after which a code that was refused in doubt may be tried again, in milliseconds. */
const DOUBTED_CODE_RETRY_MS = 5_000;

const SIGN_IN: AuthenticationContext = Object.freeze({ isSignIn: true });

type Refused = Extract<Verdict, { status: 'invalid' }>;
type AcquiredClaim = Extract<ExchangeClaim, { outcome: 'acquired' }>;

/** The dependencies of every attempt in a process. */
export interface ExchangeContext {
  readonly parts: TokenDependencies;
  readonly authenticator: NowggAuthenticator;
  readonly completed: CompletedExchanges;
  /** Aborts when the process shuts down: no attempt waits for another process then. */
  readonly stopping: AbortSignal;
}

/** A code and the values sent with it. */
export interface CodeRequest extends Omit<CodeExchangeRequest, 'signal'>, SessionDeviceOptions {
  readonly scopes?: readonly string[] | undefined;
  readonly source?: string | undefined;
  /** Hash of what the caller can show again. */
  readonly attemptKey?: string | undefined;
  /** The key that the grant is to be bound to. */
  readonly key?: ProvenKey | undefined;
}

/**
 * One exchange of a code for a grant: admit, claim the code across all processes, call, store the encrypted reply at
 * once, verify, create. A code works once, so an attempt continues where the last one stopped, in any process.
 */
export class ExchangeAttempt {
  readonly #context: ExchangeContext;
  readonly #parts: TokenDependencies;
  readonly #provider: IdentityProvider;
  readonly #key: ExchangeKey;
  readonly #request: CodeRequest;
  /** The answer to the code; undefined while it was not sent. */
  #answer: TokenOutcome | undefined;
  /** Whether the exchange was under way when this attempt came. */
  #waited = false;

  constructor(context: ExchangeContext, provider: IdentityProvider, codeHash: string, request: CodeRequest) {
    this.#context = context;
    this.#parts = context.parts;
    this.#provider = provider;
    this.#key = { codeHash, owner: randomUUID() };
    this.#request = request;
  }

  /**
   * @param leave called when new callers should no longer wait for this attempt
   * @throws InvalidGrantError, IdentityUnavailableError, NowggConfigurationError
   */
  async run(leave: () => void): Promise<ExchangedCode> {
    const { clock } = this.#parts;
    const startedAtMs = clock.monotonicNow();
    const publish = (outcome: ExchangeOutcome) =>
      publishTokenEvent({
        type: 'exchange',
        provider: this.#provider.name,
        outcome,
        ...(this.#answer && { answer: textOfAnswer(this.#answer) }),
        durationMs: clock.monotonicNow() - startedAtMs,
      });
    try {
      const exchanged = await this.#run(leave);
      publish(exchanged.isRepeated ? 'repeated' : 'succeeded');
      return exchanged;
    } catch (error) {
      publish(outcomeOfError(error));
      throw error;
    }
  }

  async #run(leave: () => void): Promise<ExchangedCode> {
    const { clock, deadlines, timing } = this.#parts;
    // Once the lease has lapsed any process may continue, including this one.
    const clearDeadline = deadlines.set(clock.monotonicNow() + timing.leaseMs, leave);
    try {
      const admitted = await this.#admit();
      const exchanged = await this.#claimAndExchange(admitted).finally(() => admitted?.end(this.#answer?.status));
      // Without a place: the application may take its time.
      return await this.#context.completed.announce(exchanged);
    } finally {
      clearDeadline();
    }
  }

  /** @returns undefined when the code may not be sent, but an earlier attempt may have */
  async #admit(): Promise<AdmittedCode | undefined> {
    const { codes, store } = this.#parts;
    const { name: provider, clientKey } = this.#provider;
    const admitted = await codes.admit({ provider, clientKey, source: this.#request.source });
    // Before the claim, so that nothing is written for the code. A code that was sent before needs no admission to
    // continue.
    if (!admitted && !(await store.findExchange(this.#key.codeHash))) {
      throw new IdentityUnavailableError(NOT_ADMITTED_RETRY_S);
    }
    return admitted;
  }

  async #claimAndExchange(admitted: AdmittedCode | undefined): Promise<ExchangedCode> {
    // After the admission, so that a flood of codes writes nothing, and before anything is used.
    await this.#request.key?.claim();
    const claim = await this.#claim();
    if (claim.outcome === 'completed') {
      const { attemptKey } = this.#request;
      const isSame = attemptKey !== undefined && attemptKey === claim.exchange.attemptKey;
      return this.#context.completed.replay(claim.exchange, isSame || this.#waited, this.#request.key?.thumbprint);
    }
    const { replyCiphertext } = claim.exchange;
    const tokens = replyCiphertext ? this.#openReply(replyCiphertext) : await this.#call(claim, admitted);
    return this.#verifyAndCreate(claim, tokens);
  }

  /** Waits for another process that holds the code, until the soft deadline. */
  async #claim(): Promise<Exclude<ExchangeClaim, { outcome: 'held' }>> {
    const { clock, store, timing } = this.#parts;
    const waitUntil = clock.monotonicNow() + timing.softDeadlineMs;
    for (;;) {
      const { attemptKey } = this.#request;
      const claim = await store.claimExchange({ ...this.#key, leaseMs: timing.leaseMs, attemptKey });
      if (claim.outcome !== 'held') return claim;
      this.#waited = true;
      await this.#awaitHolder(waitUntil);
    }
  }

  /** Returns when the code can be claimed or has become a grant. */
  async #awaitHolder(until: number): Promise<void> {
    const { clock, store, timing } = this.#parts;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, timing.pollMs)) {
      if (this.#context.stopping.aborted || clock.monotonicNow() >= until) throw new IdentityUnavailableError();
      await clock.wait(pauseMs * (0.75 + Math.random() / 2));
      const current = await store.findExchange(this.#key.codeHash);
      // Only a refusal deletes a claim while another caller waits for it.
      if (!current) throw new InvalidGrantError();
      if (current.grantId !== undefined || (current.leaseUntilMs ?? 0) <= current.readAtMs) return;
    }
  }

  async #call(claim: AcquiredClaim, admitted: AdmittedCode | undefined): Promise<TokenSet> {
    if (!admitted) return this.#giveUp(NOT_ADMITTED_RETRY_S * 1000);
    const { calls, timing } = this.#parts;
    const closedForMs = calls.enter('code', this.#provider.clientKey);
    if (closedForMs > 0) {
      return calls.refusesClient('code', this.#provider.clientKey)
        ? this.#release(refusedClient())
        : this.#giveUp(closedForMs);
    }
    const { code, redirectUri, codeVerifier, authorization } = this.#request;
    const { outcome } = await calls.call({
      purpose: 'code',
      provider: this.#provider,
      send: (signal) => this.#provider.exchangeCode({ code, redirectUri, codeVerifier, authorization, signal }),
      // A code works once, and a second use may count as theft.
      replays: false,
    });
    this.#answer = outcome;
    switch (outcome.status) {
      case 'tokens':
        return this.#storeReply(claim, outcome.tokens);
      case 'refused':
        return this.#refuse(claim, outcome);
      case 'in_doubt':
        return this.#giveUp(timing.leaseMs, true);
      case 'busy':
        return this.#giveUp(outcome.retryAfterMs ?? 0);
      case 'not_sent':
        return this.#giveUp(0);
      // Another try would end in the same way. The code was not used, so it may be sent again.
      case 'client_refused':
        return this.#release(refusedClient());
      case 'misconfigured':
        return this.#release(misconfigured(outcome.detail));
    }
  }

  async #storeReply(claim: AcquiredClaim, tokens: TokenSet): Promise<TokenSet> {
    if (tokens.refreshToken === undefined) {
      if (this.#provider.needsRefreshToken) return this.#forget(withoutRefreshToken());
      return this.#storeReply(claim, { ...tokens, refreshToken: NO_REFRESH_TOKEN });
    }
    const { clients, store, unsaved, vault } = this.#parts;
    const { codeHash } = this.#key;
    const { name: provider } = this.#provider;
    const replyCiphertext = vault.sealReply(this.#provider, codeHash, tokens);
    await unsaved.save({ provider, grantId: undefined }, () => store.sealExchange(codeHash, replyCiphertext));
    await clients.of(this.#provider).succeeded({ sentAtMs: claim.exchange.readAtMs, isFirst: false });
    return tokens;
  }

  #openReply(replyCiphertext: Uint8Array): TokenSet {
    return this.#parts.vault.openReply(this.#provider, this.#key.codeHash, replyCiphertext);
  }

  /**
   * Handles a refusal of the code. An earlier holder of the claim may have used the code and may still store the reply;
   * until then a refusal proves nothing.
   */
  async #refuse(
    { exchange, predecessorInDoubt }: AcquiredClaim,
    { isFinal }: Extract<TokenOutcome, { status: 'refused' }>,
  ): Promise<TokenSet> {
    const { evidence, store, timing } = this.#parts;
    const { codeHash } = this.#key;
    const mayStillCome = predecessorInDoubt && exchange.readAtMs - exchange.createdAtMs < timing.lateReplyMs;
    // An identity system refuses a wrong client secret in the same way as a wrong code.
    const isInDoubt = !mayStillCome && !isFinal && !(await evidence.of(this.#provider.name).believesCode(codeHash));
    if (isInDoubt) return this.#giveUp(DOUBTED_CODE_RETRY_MS);
    if (!mayStillCome && (await store.removeExchange({ ...this.#key, unlessSealed: true }))) {
      throw new InvalidGrantError();
    }
    const current = await store.findExchange(codeHash);
    if (current?.replyCiphertext) return this.#openReply(current.replyCiphertext);
    // The claim lapses with its owner still set, so that the next holder knows of the doubt too.
    throw new IdentityUnavailableError(timing.leaseMs / 1000);
  }

  async #verifyAndCreate({ exchange }: AcquiredClaim, tokens: TokenSet): Promise<ExchangedCode> {
    const { authenticator, completed } = this.#context;
    const { issuedTokens, store, unsaved, vault } = this.#parts;
    const { name } = this.#provider;
    const credentialId = this.#provider.credentialIdOf(tokens.accessToken);
    const { scopes: requested } = this.#request;
    const underWay = { credentialId, begunAtMs: exchange.createdAtMs, scopes: tokens.scopes ?? requested };
    const verdict = await issuedTokens.during(name, underWay, () =>
      authenticator.authenticate(tokens.accessToken, { provider: name, tokenType: 'token' }, SIGN_IN),
    );
    if (verdict.status === 'unknown' && verdict.reason === 'misconfigured')
      return this.#release(errorOfUnknown(verdict));
    if (verdict.status === 'unknown') return this.#giveUp(verdict.retryAfterSeconds * 1000);
    if (verdict.status === 'invalid') return this.#forget(this.#refusalOf(tokens.accessToken, verdict));
    if (verdict.principal.provider !== name) return this.#forget(new InvalidGrantError());
    const { principal } = verdict;
    // The id_token and the access token belong to two users: one of them was replaced on the way.
    if (contradicts(tokens, principal)) return this.#forget(new InvalidGrantError());
    const { codeHash } = this.#key;
    const first = vault.firstGrant(this.#provider, principal, tokens, codeHash, requested);
    const keyThumbprint = this.#request.key?.thumbprint;
    const grant = { ...first, ...sessionDevice(this.#request, this.#parts.sessions.devices), keyThumbprint };
    const owner = { provider: name, grantId: grant.id };
    const created = await unsaved.save(owner, () => store.completeExchange(codeHash, grant));
    if (created) {
      const { idToken } = tokens;
      return { grant: await completed.unrevoked(created), principal, idToken, isRepeated: false };
    }
    const finished = await store.findExchange(codeHash);
    if (finished?.grantId === undefined) throw new IdentityUnavailableError();
    return completed.replay(finished, true, keyThumbprint);
  }

  /** The error for a token that was just issued but is refused here: usually an option is the reason. */
  #refusalOf(token: string, verdict: Refused): Error {
    const { reason } = verdict;
    if (reason === 'user_banned' || reason === 'insufficient_user_authentication' || reason === 'invalid_proof')
      return errorOfRefusal(verdict);
    const detail = this.#provider.misconfigurationOf(token, reason);
    if (detail === undefined) return new InvalidGrantError();
    publishSecurityEvent({ type: 'misconfigured_provider', provider: this.#provider.name, detail });
    return misconfigured(detail);
  }

  /** @param keepsLease whether the next attempt must wait for the end of the lease */
  async #giveUp(retryInMs: number, keepsLease = false): Promise<never> {
    await this.#parts.store.releaseExchange({ ...this.#key, keepsLease });
    throw new IdentityUnavailableError(retryInMs / 1000);
  }

  /** Ends the attempt; an earlier one may still store its reply. */
  async #release(error: Error): Promise<never> {
    await this.#parts.store.releaseExchange({ ...this.#key, keepsLease: false });
    throw error;
  }

  async #forget(error: Error): Promise<never> {
    await this.#parts.store.removeExchange({ ...this.#key, unlessSealed: false });
    throw error;
  }
}

function textOfAnswer(answer: TokenOutcome): string {
  return 'reason' in answer ? `${answer.status}: ${answer.reason}` : answer.status;
}

function outcomeOfError(error: unknown): ExchangeOutcome {
  if (error instanceof InvalidGrantError || error instanceof SessionProofError) return 'refused';
  if (error instanceof UserBannedError) return 'banned';
  if (error instanceof StoreUnavailableError) return 'store_unavailable';
  if (error instanceof IdentityUnavailableError) return 'unavailable';
  return error instanceof NowggConfigurationError ? 'misconfigured' : 'rejected';
}

/** Whether the id_token and the access token of one reply name two users. */
function contradicts({ subject, idToken }: TokenSet, principal: NowggPrincipal): boolean {
  if (subject !== undefined) return subject !== principal.subject;
  // Some systems name the user of an access token otherwise than by its subject.
  return idToken !== undefined && principal.subject !== undefined && idToken.sub !== principal.subject;
}

function refusedClient(): NowggConfigurationError {
  return misconfigured('the identity system refuses this client: check clientId, clientSecret, clientAuthentication');
}

function misconfigured(detail: string): NowggConfigurationError {
  return new NowggConfigurationError(`identity provider: ${detail}`);
}

/**
 * Error for a reply without a refresh token. A standard system issues one only for certain scopes or clients: another
 * attempt would not help.
 */
function withoutRefreshToken(): NowggConfigurationError {
  return new NowggConfigurationError(
    'the identity system issued no refresh token: ask for the scope that makes it do so, such as offline_access, or set ' +
      "refresh: 'optional'",
  );
}
