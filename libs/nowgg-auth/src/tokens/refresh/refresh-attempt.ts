import type { IdentityProvider, TokenOutcome, TokenSet } from '../../identity/identity-provider.js';
import type { AttemptKey, GrantRecord, LeaseResult } from '../store/grant-record.js';
import type { PostponedRefresh, RefreshResult, RefreshTimes } from './refresh-result.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import { decodeUnverifiedJws } from '../../identity/unverified-jws.js';
import type { GrantRevoker } from '../ending/grant-revoker.js';
import type { RefreshedToken } from '../store/issued-token.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';
import { judgeRefusal } from './refusal.js';
import { callTokenEndpoint, circuitKey } from '../calls/token-call.js';

/** Pause before the next call after the client was refused, in milliseconds. */
const CLIENT_REFUSED_RETRY_MS = 10_000;
const LONGEST_BUSY_MS = 60_000;

/**
 * One refresh attempt of a lease holder: the call and the handling of its outcome. A token set is stored whatever has
 * happened to the lease meanwhile; any other outcome is written only while the attempt still holds the lease.
 */
export class RefreshAttempt {
  readonly #parts: TokenDependencies;
  readonly #ending: GrantRevoker;
  readonly #provider: IdentityProvider;
  readonly #grant: GrantRecord;
  readonly #turn: AttemptKey;
  readonly #times: RefreshTimes;
  /** Whether an attempt with this refresh token may have been carried out although its reply was not seen. */
  #inDoubt: boolean;

  constructor(
    parts: TokenDependencies,
    ending: GrantRevoker,
    provider: IdentityProvider,
    lease: Extract<LeaseResult, { outcome: 'acquired' }>,
    owner: string,
    times: RefreshTimes,
  ) {
    this.#parts = parts;
    this.#ending = ending;
    this.#provider = provider;
    this.#grant = lease.grant;
    this.#turn = { id: lease.grant.id, generation: lease.grant.generation, owner };
    this.#times = times;
    this.#inDoubt = lease.predecessorInDoubt;
  }

  async run(): Promise<RefreshResult> {
    const closedForMs = this.#parts.circuits.enter(circuitKey('refresh', this.#grant.clientKey));
    if (closedForMs > 0) return this.#failed('circuit_open', closedForMs);
    const refreshToken = await this.#openRefreshToken();
    const outcome = await this.#ask(refreshToken);
    const { failedRetryMs } = this.#parts.timing;
    switch (outcome.status) {
      case 'tokens':
        return this.#commit(refreshToken, outcome.tokens);
      case 'refused':
        return this.#refused(outcome);
      case 'client_refused':
        return this.#failed(outcome.status, CLIENT_REFUSED_RETRY_MS);
      case 'busy':
        return this.#failed(outcome.status, Math.min(outcome.retryAfterMs ?? failedRetryMs, LONGEST_BUSY_MS));
      case 'in_doubt':
        this.#inDoubt = true;
        return this.#failed(outcome.status, failedRetryMs);
      case 'not_sent':
        return this.#failed(outcome.status, failedRetryMs);
    }
  }

  async #openRefreshToken(): Promise<string> {
    try {
      return this.#parts.vault.refreshTokenOf(this.#grant);
    } catch (error) {
      await this.#failed('backing_off', this.#parts.timing.failedRetryMs);
      throw error;
    }
  }

  async #ask(refreshToken: string): Promise<TokenOutcome> {
    const { clock, circuits, evidence, timing } = this.#parts;
    const startedAt = clock.monotonicNow();
    const clientEvidence = evidence.of(this.#provider.name);
    const left = clientEvidence.sent();
    const { outcome, earlierInDoubt } = await callTokenEndpoint(
      {
        purpose: 'refresh',
        clientKey: this.#grant.clientKey,
        // Real time on purpose: the deadline is the socket's. No caller waits this long; the late response is stored.
        send: () => this.#provider.refresh(refreshToken, AbortSignal.timeout(timing.lateReplyMs)),
        resendMs: timing.resendMs,
        // The refresh token of a restored row was used before: a system that detects reuse must see it only once.
        replays: !this.#parts.seen.isRestored(this.#grant),
        // After that, another process may hold the lease by the time this replay ends, and would replay once more.
        mayRepeat: () => clock.monotonicNow() - startedAt < timing.leaseMs / 2,
      },
      circuits,
      clock,
    );
    if (outcome.status === 'tokens') clientEvidence.tokensIssued(left);
    this.#times.callMs = clock.monotonicNow() - startedAt;
    this.#inDoubt ||= earlierInDoubt;
    return outcome;
  }

  async #commit(refreshToken: string, tokens: TokenSet): Promise<RefreshResult> {
    const { vault, store, unsaved, successes, clock } = this.#parts;
    const { id: grantId, provider } = this.#grant;
    const receivedAt = clock.monotonicNow();
    const isForeign = this.#isForeign(tokens);
    const { refusedRetryMs: withheldForMs } = this.#parts.timing;
    const commit = {
      ...vault.nextGeneration(this.#grant, refreshToken, tokens, isForeign),
      isForeign,
      withheldForMs,
      issued: this.#issued(tokens),
    };
    const stored = await unsaved.save({ provider, grantId }, () => store.commitTokens(commit));
    this.#times.commitMs = clock.monotonicNow() - receivedAt;
    await successes.note(this.#grant.clientKey);
    if (!stored) return this.#adoptOr(endedResult, { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken });
    // The token is foreign by its claims, or another user's grant holds the same token.
    if (stored.state === 'suspect') {
      publishSecurityEvent({ type: 'foreign_tokens_refreshed', provider });
      return { outcome: 'refused', retryInMs: withheldForMs };
    }
    return { outcome: 'refreshed', grant: stored, accessToken: tokens.accessToken };
  }

  /** Whether the received token belongs to another user or client, as far as the token itself shows. */
  #isForeign({ accessToken }: TokenSet): boolean {
    const jws = decodeUnverifiedJws(accessToken);
    return jws !== undefined && this.#provider.contradicts(jws, this.#grant);
  }

  /**
   * Builds the record of the received token. A predecessor in doubt may have caused this reply: its refresh then began
   * with the predecessor's attempt. All times are from before the call.
   */
  #issued({ accessToken }: TokenSet): RefreshedToken {
    const { readAtMs, attemptStartedAtMs } = this.#grant;
    const begunAtMs = Math.min(readAtMs, attemptStartedAtMs ?? readAtMs);
    return { credentialId: this.#provider.credentialIdOf(accessToken), scopes: undefined, begunAtMs };
  }

  async #refused({ code, isFinal }: Extract<TokenOutcome, { status: 'refused' }>): Promise<RefreshResult> {
    const { store, successes, timing } = this.#parts;
    return this.#adoptOr(async (grant) => {
      const clientSucceededAtMs = await successes.last(grant.clientKey);
      const evidence = { grant, isFinal, predecessorInDoubt: this.#inDoubt, clientSucceededAtMs };
      const judgement = judgeRefusal(evidence, timing, timing.lateReplyMs);
      const { state, retryInMs } = judgement;
      const mine = await store.recordRefusal({ ...this.#turn, ...judgement, failCode: code });
      // The attempt that holds the lease now will find out.
      if (!mine) return this.#adoptOr(async () => ({ outcome: 'refused', retryInMs: timing.failedRetryMs }));
      return state === 'needs_reauth' ? { outcome: state } : { outcome: 'refused', retryInMs };
    });
  }

  async #failed(outcome: PostponedRefresh['outcome'], retryInMs: number): Promise<RefreshResult> {
    await this.#parts.store.recordFailure({ ...this.#turn, inDoubt: this.#inDoubt, retryInMs });
    return { outcome, retryInMs };
  }

  /**
   * Adopts the generation of another process if that one was faster; otherwise calls `otherwise`.
   * @param unstored tokens that could not be stored: if the grant has ended, the identity system is told about them
   */
  async #adoptOr(
    otherwise: (grant: GrantRecord) => Promise<RefreshResult>,
    unstored?: TokenSet & { readonly refreshToken: string },
  ): Promise<RefreshResult> {
    const grant = await this.#parts.store.findGrant(this.#grant.id);
    if (!grant || grant.state === 'revoked') {
      if (unstored) this.#ending.tellOfUnwanted(this.#grant, unstored);
      return { outcome: 'ended' };
    }
    if (grant.generation > this.#grant.generation) return { outcome: 'adopted', grant };
    return otherwise(grant);
  }
}

async function endedResult(): Promise<RefreshResult> {
  return { outcome: 'ended' };
}
