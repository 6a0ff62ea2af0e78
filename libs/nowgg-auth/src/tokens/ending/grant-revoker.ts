import type { IdentityProvider } from '../../identity/identity-provider.js';
import type { ProviderSignOut, TokenRevocations } from '../../revocation/issued-tokens.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import type { MarkCause } from '../../revocation/marks/watermark.js';
import { hasText, isLive, type GrantRecord } from '../store/grant-record.js';
import { SIGNED_IN_ELSEWHERE } from '../store/session-record.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';

/** Number of grants that are ended at the same time. */
const AT_ONCE = 8;
/** Time after which an incomplete end counts as interrupted, in milliseconds. */
const BROKEN_OFF_MS = 60_000;
const BATCH = 500;

/** The client whose grants are signed out. */
interface SignedOutOwner {
  readonly provider: string;
  readonly clientKey: string;
}

/** What the identity system has signed out: a session, all sessions of a user, or a session of a user. */
export interface SignedOut {
  readonly userId?: string | undefined;
  /** At least one of both is given. */
  readonly sessionId?: string | undefined;
  /** See `ProviderSignOut.atMs`. */
  readonly atMs: number;
}

/** Tokens as the identity system sent them. */
interface SentTokens {
  readonly refreshToken: string;
  readonly accessToken: string | undefined;
}

/**
 * Ends grants, in this order: the row is revoked, so that no refresh in progress can revive it; every unexpired token
 * is refused here; the identity system is told; the ciphertexts are deleted. Each step can be repeated. An interrupted
 * end continues where it stopped when the grant is revoked again or {@link finishBrokenOff} finds it.
 */
export class GrantRevoker {
  readonly #parts: TokenDependencies;
  readonly #revocations: TokenRevocations | undefined;
  readonly #telling = new Set<Promise<unknown>>();

  constructor(parts: TokenDependencies, revocations: TokenRevocations | undefined) {
    this.#parts = parts;
    this.#revocations = revocations;
  }

  async revoke(grantId: string): Promise<void> {
    const { store } = this.#parts;
    const ended = await store.revokeGrant(grantId);
    if (ended) return this.#end([ended]);
    // An earlier call may have revoked the row and failed at the next step.
    const before = await store.findGrant(grantId);
    if (before?.state === 'revoked' && hasText(before)) await this.finish([before]);
  }

  /** Completes the end of grants that a sign-in on another device has ended in the store. */
  async displace(grants: readonly GrantRecord[]): Promise<void> {
    for (const grant of grants) {
      this.#parts.seen.noteEnd(grant);
      publishSecurityEvent({ type: 'session_displaced', provider: grant.provider });
    }
    await this.#finish(grants, SIGNED_IN_ELSEWHERE);
  }

  async revokeUser(provider: string, userId: string, clientKey: string): Promise<number> {
    const grants = await this.#parts.store.revokeUser(provider, userId, clientKey);
    await this.#end(grants);
    return grants.length;
  }

  /**
   * Ends the grants that the identity system has signed out, but none that began later. A grant whose session is not known
   * ends with every session of its user. The same sign-out again ends nothing more.
   *
   * @param owner the provider and its client
   * @returns the number of grants
   */
  async revokeSignedOut(
    { provider, clientKey }: SignedOutOwner,
    { userId, sessionId, atMs }: SignedOut,
  ): Promise<number> {
    const { store } = this.#parts;
    const subject = sessionId === undefined ? { kind: 'user', id: userId } : { kind: 'session', id: sessionId };
    // The mark comes first: it refuses sign-ins that are under way.
    const untilMs = await this.#revocations?.refuseSignedOut({ provider, ...subject, atMs } as ProviderSignOut);
    const grants =
      userId === undefined
        ? await store.listGrantsOfSession(provider, sessionId as string, clientKey)
        : await store.listGrants(provider, userId, clientKey);
    const ofSession = grants.filter(
      (grant) =>
        grant.begunAtMs <= (untilMs ?? Math.min(atMs, grant.readAtMs)) &&
        (sessionId === undefined || grant.sessionId === undefined || grant.sessionId === sessionId),
    );
    // Also one that is revoked already: the call that did it may have failed at the next step.
    const ended = ofSession.filter((grant) => isLive(grant) || (grant.state === 'revoked' && hasText(grant)));
    await forEach(ended, (grant) => this.revoke(grant.id));
    return ended.filter(isLive).length;
  }

  /**
   * Completes the remaining steps for grants that are revoked in the store.
   * @returns when their tokens are refused here; the identity system is told in the background
   */
  async finish(grants: readonly GrantRecord[]): Promise<void> {
    await this.#finish(grants);
  }

  /** @param cause of the end; default: the one that the store has noted */
  async #finish(grants: readonly GrantRecord[], cause?: MarkCause): Promise<void> {
    await forEach(grants, (grant) =>
      this.#refuseTokens(grant, cause ?? (grant.failCode === SIGNED_IN_ELSEWHERE ? SIGNED_IN_ELSEWHERE : undefined)),
    );
    this.#inBackground(forEach(grants.filter(hasText), (grant) => this.#tellAndWipe(grant)));
  }

  /**
   * Finishes ends that a process left incomplete: it was killed, or its database or identity system was unavailable.
   */
  async finishBrokenOff(): Promise<void> {
    for (let after: string | undefined; ; ) {
      const batch = await this.#parts.store.listUnwiped(BROKEN_OFF_MS, after, BATCH);
      await this.finish(batch);
      if (batch.length < BATCH) return;
      after = batch.at(-1)?.id;
    }
  }

  /**
   * Tells the identity system about tokens that arrived for a grant that had ended meanwhile: they are not stored here.
   */
  tellOfUnwanted({ provider, clientKey }: GrantRecord, tokens: SentTokens): void {
    this.#inBackground(this.#tell(this.#clientOf(provider, clientKey), tokens));
  }

  /** Waits until the identity systems have been told. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#telling);
  }

  async #end(grants: readonly GrantRecord[]): Promise<void> {
    for (const grant of grants) {
      this.#parts.seen.noteEnd(grant);
      publishSecurityEvent({ type: 'signed_out', provider: grant.provider });
    }
    await this.finish(grants);
  }

  async #refuseTokens(grant: GrantRecord, cause: MarkCause | undefined): Promise<void> {
    const { id, provider, userId } = grant;
    const { sharesSession, tokens } = await this.#parts.store.findTokensOfEnded(id);
    const sessionId = sharesSession ? undefined : grant.sessionId;
    await this.#revocations?.refuseTokensOf({ provider, userId, sessionId, tokens, cause });
  }

  async #tellAndWipe(grant: GrantRecord): Promise<void> {
    const { store, vault } = this.#parts;
    const provider = this.#clientOf(grant.provider, grant.clientKey);
    const refreshToken = readable(() => vault.refreshTokenOf(grant));
    // Another process may have the client or the key. The ciphertext stays until that process has told, a day at most.
    if (!provider || refreshToken === undefined) return;
    const accessToken = readable(() => vault.accessTokenOf(grant).token);
    const isTold = await this.#tell(provider, { refreshToken, accessToken });
    if (isTold) await store.wipeTexts(grant.id);
  }

  async #tell(provider: IdentityProvider | undefined, { refreshToken, accessToken }: SentTokens): Promise<boolean> {
    const signal = AbortSignal.timeout(this.#parts.timing.softDeadlineMs);
    try {
      return (await provider?.revoke(refreshToken, signal, accessToken)) !== false;
    } catch {
      return false;
    }
  }

  /** A refresh token is used only by the client that it was issued to. */
  #clientOf(provider: string, clientKey: string): IdentityProvider | undefined {
    const found = this.#parts.identityProviders.find(provider);
    return found?.clientKey === clientKey ? found : undefined;
  }

  /** The grant has ended here whether or not the identity system can be told. */
  #inBackground(work: Promise<unknown>): void {
    const telling = work.catch(() => undefined).finally(() => this.#telling.delete(telling));
    this.#telling.add(telling);
  }
}

async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += AT_ONCE) await Promise.all(items.slice(at, at + AT_ONCE).map(work));
}

/** Returns undefined for a ciphertext that cannot be decrypted: it must not prevent the end of a grant. */
function readable(open: () => string): string | undefined {
  try {
    return open();
  } catch {
    return undefined;
  }
}
