import { randomUUID } from 'node:crypto';
import { publishSecurityEvent } from '../../events/security-events.js';
import type { IdentityProvider, TokenOutcome, TokenSet } from '../../identity/identity-provider.js';
import type { GrantRevoker } from '../ending/grant-revoker.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';
import { publishTokenEvent, type RefreshOutcome } from '../events/token-events.js';
import { grantOfAnotherClient } from '../store/grant-of-another-client.js';
import { type AttemptKey, type GrantRecord, isRefreshable } from '../store/grant-record.js';
import type { ClientHistory } from '../calls/client-history.js';
import type { ClientStanding } from '../store/client-standing.js';
import { askAgainInMs, hasEnded, judgeRefusal, type RefusalJudgement } from './refusal.js';
import type { RefreshLease, RefreshLeases } from './refresh-leases.js';
import type { PostponedRefresh, RefreshResult, RefreshTimes } from './refresh-result.js';

/** Pause before the next call after the client was refused, in milliseconds. */
const CLIENT_REFUSED_RETRY_MS = 10_000;
/** The end of a grant that never had a refresh token. */
const WITHOUT_REFRESH_TOKEN = { status: 'refused', code: 'no_refresh_token', isFinal: true } as const;
const LONGEST_BUSY_MS = 60_000;

interface Adopted {
  readonly outcome: 'adopted';
  readonly grant: GrantRecord;
}

/** What became of received tokens: stored, or not because of what the store has instead. */
type SaveResult = { readonly outcome: 'stored'; readonly grant: GrantRecord } | Adopted | { readonly outcome: 'ended' };

/**
 * One refresh of one generation of a grant: acquire the lease, call, store, report. A token set is stored whatever has
 * happened to the lease meanwhile; any other outcome is written only while the attempt still holds the lease.
 */
export class RefreshAttempt {
  readonly #parts: TokenDependencies;
  readonly #ending: GrantRevoker;
  readonly #leases: RefreshLeases;
  readonly #quietMs: number;
  readonly #startedAt: number;
  readonly #key: AttemptKey;
  readonly #times: RefreshTimes = {};
  /** The row as the caller read it; once the lease is acquired, as it was just before. */
  #grant: GrantRecord;
  /** When the first request of the call left, on both clocks. */
  #sentAt = { wallMs: 0, monotonicMs: 0 };
  /** Whether an attempt with this refresh token may have been carried out although its reply was not seen. */
  #inDoubt = false;

  /** @param quietMs above 0 for a background refresh, which gives way to other attempts */
  constructor(
    parts: TokenDependencies,
    ending: GrantRevoker,
    leases: RefreshLeases,
    grant: GrantRecord,
    quietMs: number,
  ) {
    this.#parts = parts;
    this.#ending = ending;
    this.#leases = leases;
    this.#grant = grant;
    this.#quietMs = quietMs;
    this.#startedAt = parts.clock.monotonicNow();
    this.#key = { id: grant.id, generation: grant.generation, owner: randomUUID() };
  }

  /**
   * @param leave called when new callers should no longer wait for this attempt
   * @returns undefined when a background refresh gave way: it is not reported
   */
  async run(leave: () => void): Promise<RefreshResult | undefined> {
    let outcome: RefreshOutcome | undefined = 'failed';
    try {
      const result = await this.#refresh(leave);
      const late = this.#sinceMs(this.#startedAt) > this.#parts.timing.softDeadlineMs;
      outcome = result?.outcome === 'refreshed' && late ? 'stored_late' : result?.outcome;
      return result;
    } finally {
      if (outcome !== undefined) this.#report(outcome);
    }
  }

  async #refresh(leave: () => void): Promise<RefreshResult | undefined> {
    const provider = this.#clientOf(this.#grant);
    const history = this.#parts.clients.of(provider);
    if (await this.#endsByEvidence(history)) return { outcome: 'needs_reauth' };
    const turn = { grant: this.#grant, key: this.#key, history, quietMs: this.#quietMs };
    const lease = await this.#leases.acquire({ ...turn, startedAt: this.#startedAt, times: this.#times });
    if (lease?.outcome !== 'acquired') return lease;
    const { clock, deadlines, timing } = this.#parts;
    const acquiredAt = clock.monotonicNow();
    // Once the lease has lapsed any process may take over, including this one: no new caller should wait for this call.
    const clearDeadline = deadlines.set(acquiredAt + timing.leaseMs, leave);
    try {
      return await this.#callAndCommit(provider, history, lease);
    } finally {
      clearDeadline();
      this.#leases.observe(this.#sinceMs(acquiredAt));
      lease.leave();
    }
  }

  /** Ends a grant whose refusal was confirmed, if the client has had a success since: no further call is needed. */
  async #endsByEvidence(history: ClientHistory): Promise<boolean> {
    const { id, generation, refusal } = this.#grant;
    const { secret } = history.client;
    // A background refresh has no player who asks.
    if (refusal?.confirmedAtMs === undefined || refusal.secret !== secret || this.#quietMs > 0) return false;
    const { confirmedAtMs } = refusal;
    if (!hasEnded(refusal, secret, await history.current())) return false;
    return this.#parts.store.endByEvidence({ id, generation, confirmedAtMs });
  }

  async #callAndCommit(
    provider: IdentityProvider,
    history: ClientHistory,
    lease: RefreshLease,
  ): Promise<RefreshResult> {
    const { calls, timing } = this.#parts;
    this.#grant = lease.grant;
    this.#inDoubt = lease.predecessorInDoubt;
    if (!isRefreshable(this.#grant)) return this.#recordRefusal(history, lease.client, WITHOUT_REFRESH_TOKEN);
    const closedForMs = calls.enter('refresh', provider.clientKey);
    if (closedForMs > 0) return this.#fail('circuit_open', closedForMs);
    const refreshToken = await this.#openRefreshToken();
    const outcome = await this.#call(provider, refreshToken);
    switch (outcome.status) {
      case 'tokens':
        return this.#commit(provider, history, refreshToken, outcome.tokens);
      case 'refused':
        return this.#recordRefusal(history, lease.client, outcome);
      case 'client_refused':
      case 'misconfigured':
        return this.#fail('client_refused', CLIENT_REFUSED_RETRY_MS);
      case 'busy':
        return this.#fail(outcome.status, Math.min(outcome.retryAfterMs ?? timing.failedRetryMs, LONGEST_BUSY_MS));
      case 'in_doubt':
        this.#inDoubt = true;
        return this.#fail(outcome.status, timing.failedRetryMs);
      case 'not_sent':
        return this.#fail(outcome.status, timing.failedRetryMs);
    }
  }

  async #openRefreshToken(): Promise<string> {
    try {
      return this.#parts.vault.refreshTokenOf(this.#grant);
    } catch (error) {
      await this.#fail('backing_off', this.#parts.timing.failedRetryMs);
      throw error;
    }
  }

  async #call(provider: IdentityProvider, refreshToken: string): Promise<TokenOutcome> {
    const { calls, clock, seen } = this.#parts;
    const startedAt = clock.monotonicNow();
    this.#sentAt = { wallMs: clock.now(), monotonicMs: startedAt };
    const { outcome, earlierInDoubt } = await calls.call({
      purpose: 'refresh',
      provider,
      send: (signal) => provider.refresh(refreshToken, signal),
      // The refresh token of a restored row was used before: a system that detects reuse must see it only once.
      replays: !seen.isRestored(this.#grant),
    });
    this.#times.callMs = this.#sinceMs(startedAt);
    this.#inDoubt ||= earlierInDoubt;
    return outcome;
  }

  async #commit(
    provider: IdentityProvider,
    history: ClientHistory,
    refreshToken: string,
    tokens: TokenSet,
  ): Promise<RefreshResult> {
    const { clock, timing } = this.#parts;
    const receivedAt = clock.monotonicNow();
    const saved = await this.#save(provider, refreshToken, tokens);
    this.#times.commitMs = this.#sinceMs(receivedAt);
    await history.succeeded({ sentAtMs: this.#grant.readAtMs, isFirst: this.#isFirst(history) });
    if (saved.outcome !== 'stored') return saved;
    // The token is foreign by its claims, or another user's grant holds the same token.
    if (saved.grant.state === 'suspect') {
      publishSecurityEvent({ type: 'foreign_tokens_refreshed', provider: provider.name });
      return { outcome: 'refused', retryInMs: timing.refusedRetryMs };
    }
    this.#prime(provider, tokens.accessToken);
    return { outcome: 'refreshed', grant: saved.grant, accessToken: tokens.accessToken };
  }

  /**
   * Stores the tokens in place of this attempt's generation, or of an older one that a failover has brought back
   * meanwhile: its refresh token may be used up, and this process has the only one that works. One read decides what
   * happened otherwise: by the next one, a failover may have taken back what it found.
   */
  async #save(provider: IdentityProvider, refreshToken: string, tokens: TokenSet): Promise<SaveResult> {
    const { vault, store, unsaved, timing } = this.#parts;
    const owner = { provider: provider.name, grantId: this.#grant.id };
    let { generation } = this.#grant;
    return unsaved.save(owner, async (): Promise<SaveResult> => {
      const next = vault.nextGeneration(provider, { ...this.#grant, generation }, refreshToken, tokens);
      const grant = await store.commitTokens({ ...next, withheldForMs: timing.refusedRetryMs });
      if (grant) return { outcome: 'stored', grant };
      const row = await store.findGrant(this.#grant.id);
      if (row && this.#isRestored(row)) {
        generation = row.generation;
        throw new Error('a failover has brought an older row back: save again');
      }
      // The grant has ended for good: the identity system is told about tokens that cannot be stored.
      if (!row || row.state === 'revoked') {
        this.#ending.tellOfUnwanted(this.#grant, { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken });
      }
      return this.#adopted(row) ?? { outcome: 'ended' };
    });
  }

  /**
   * Whether a row of the same session is not newer than this attempt's own. Another process may have stored it over the
   * row that a failover had brought back.
   */
  #isRestored(row: GrantRecord): boolean {
    if (row.state === 'revoked' || this.#parts.seen.isRevived(row)) return false;
    return row.sessionVersion === this.#grant.sessionVersion && row.generation <= this.#grant.generation;
  }

  /** Spares the first use of the new token a verification. Not for the token that the grant had before. */
  #prime(provider: IdentityProvider, token: string): void {
    const { priming } = this.#parts;
    const facts = priming && provider.factsOfIssued(token, this.#grant);
    const isNew = facts?.expiresAtMs !== undefined && facts.expiresAtMs > (this.#grant.accessTokenExpiresAtMs ?? 0);
    if (facts && isNew) void priming.prime(token, provider, facts, this.#sentAt).catch(() => undefined);
  }

  async #recordRefusal(
    history: ClientHistory,
    client: ClientStanding | undefined,
    { code, isFinal }: Extract<TokenOutcome, { status: 'refused' }>,
  ): Promise<RefreshResult> {
    const { store, timing } = this.#parts;
    const { secret } = history.client;
    // A definite code says that the client was accepted.
    if (!isFinal) await history.refused({ isFirst: this.#isFirst(history) });
    return this.#adoptOr(async () => {
      const tookMs = this.#sinceMs(this.#startedAt);
      const facts = { grant: this.#grant, secret, isFinal, predecessorInDoubt: this.#inDoubt, tookMs, client };
      const judgement = judgeRefusal(facts, timing, timing.lateReplyMs);
      const mine = await store.recordRefusal({ ...this.#key, ...judgement, failCode: code });
      // The attempt that holds the lease now will find out.
      if (!mine) {
        return this.#adoptOr(async () => ({ outcome: 'refused', retryInMs: timing.failedRetryMs, isInDoubt: true }));
      }
      if (judgement.state === 'needs_reauth') return { outcome: judgement.state };
      return { outcome: 'refused', retryInMs: this.#askAgainInMs(judgement), isInDoubt: true };
    });
  }

  #askAgainInMs({ evidence, retryInMs }: RefusalJudgement): number {
    const { readAtMs, refusal } = this.#grant;
    const firstAtMs = evidence?.begins === false && refusal ? refusal.firstAtMs : readAtMs;
    const confirmedAtMs = evidence && evidence.confirmation !== 'none' ? readAtMs : undefined;
    return askAgainInMs({ firstAtMs, confirmedAtMs }, readAtMs, retryInMs);
  }

  /** Whether this generation was not refused before under the same secret, and no earlier attempt is in doubt. */
  #isFirst({ client }: ClientHistory): boolean {
    return this.#grant.refusal?.secret !== client.secret && !this.#inDoubt;
  }

  async #fail(outcome: PostponedRefresh['outcome'], retryInMs: number): Promise<RefreshResult> {
    await this.#parts.store.recordFailure({ ...this.#key, inDoubt: this.#inDoubt, retryInMs });
    return { outcome, retryInMs };
  }

  /** Adopts the generation of another process if that one was faster; otherwise calls `otherwise`. */
  async #adoptOr(otherwise: () => Promise<RefreshResult>): Promise<RefreshResult> {
    const row = await this.#parts.store.findGrant(this.#grant.id);
    if (!row || row.state === 'revoked') return { outcome: 'ended' };
    return this.#adopted(row) ?? otherwise();
  }

  /** The result when a newer generation is stored. */
  #adopted(row: GrantRecord | undefined): Adopted | undefined {
    const isNewer = row !== undefined && row.state !== 'revoked' && row.generation > this.#grant.generation;
    return isNewer ? { outcome: 'adopted', grant: row } : undefined;
  }

  #report(outcome: RefreshOutcome): void {
    const { counters } = this.#parts;
    const { id: grantId, provider } = this.#grant;
    const durationMs = this.#sinceMs(this.#startedAt);
    counters.count(outcome);
    if (this.#times.leaseWaitMs !== undefined) counters.leaseWait.observe(this.#times.leaseWaitMs);
    publishTokenEvent({ type: 'refresh', provider, grantId, outcome, durationMs, ...this.#times });
  }

  /** A refresh token is used only by the client that it was issued to. */
  #clientOf(grant: GrantRecord): IdentityProvider {
    const provider = this.#parts.identityProviders.get(grant.provider);
    if (provider.clientKey === grant.clientKey) return provider;
    throw grantOfAnotherClient(grant, { provider: provider.name, clientKey: provider.clientKey });
  }

  #sinceMs(startedAt: number): number {
    return this.#parts.clock.monotonicNow() - startedAt;
  }
}
