import {
  type IdentityUnavailableError,
  type NowggAuthError,
  ReauthenticationRequiredError,
  SignedInElsewhereError,
  UserBannedError,
} from '../../errors.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import type { CallerWait } from '../../resilience/deadlines.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';
import type { NowggGrant } from '../store/grant.js';
import { grantOfAnotherClient } from '../store/grant-of-another-client.js';
import { GrantLoader } from '../store/grant-loader.js';
import { SIGNED_IN_ELSEWHERE } from '../store/session-record.js';
import { asSealed, FIRST_HANDLE_VERSION, type GrantRecord, grantOf, isLive } from '../store/grant-record.js';
import type { SessionProofs } from './session-proofs.js';
import type { NowggSessionProof } from './presented-proof.js';
import {
  isSessionHandleShaped,
  readSessionHandle,
  sessionHandle,
  type SessionOwner,
  type SessionReference,
} from './session-handle.js';
import { isGrantId } from './grant-id.js';
import { SessionEnds } from './session-ends.js';
import { stepOf } from './session-rotation.js';
import { isSameClient, StoredClients } from './stored-clients.js';

/**
 * Finds the grants of this application's clients, by id, by user or by session handle. A grant of another client counts
 * as one that does not exist, except where that would end a session: the configuration may be wrong.
 */
export class OwnGrants {
  readonly #parts: TokenDependencies;
  readonly #loader: GrantLoader;
  readonly #owners: readonly SessionOwner[];
  readonly #clients: StoredClients;
  readonly #ends: SessionEnds;
  readonly #proofs: SessionProofs;

  constructor(parts: TokenDependencies, proofs: SessionProofs) {
    this.#proofs = proofs;
    this.#parts = parts;
    this.#loader = new GrantLoader(parts.store, parts.seen);
    this.#owners = [...parts.identityProviders].map(({ name, clientKey }) => ({ provider: name, clientKey }));
    this.#clients = new StoredClients(parts.store, parts.clock);
    this.#ends = new SessionEnds(parts.sessions);
  }

  /**
   * @throws ReauthenticationRequiredError when the grant has ended, is refused or is unknown
   * @throws IdentityUnavailableError when it is a live grant of another client
   */
  async getLive(grantId: string, wait: CallerWait): Promise<GrantRecord> {
    const grant = await this.#find(grantId, wait);
    if (grant && isLive(grant) && !this.#isOwn(grant)) throw this.#ofAnotherClient(grant);
    if (grant && isLive(grant) && !this.#parts.grantRevocations?.isRefused(grant)) return grant;
    if (grant?.failCode === SIGNED_IN_ELSEWHERE) throw new SignedInElsewhereError();
    throw new ReauthenticationRequiredError();
  }

  async has(grantId: string): Promise<boolean> {
    const grant = isGrantId(grantId) ? await this.#parts.store.findGrant(grantId) : undefined;
    return grant !== undefined && this.#isOwn(grant);
  }

  /** Lists the grants of a user, oldest first, without live ones that were relabelled or are known to have ended. */
  async list({ provider, clientKey }: SessionOwner, userId: string): Promise<NowggGrant[]> {
    const grants = await this.#parts.store.listGrants(provider, userId, clientKey);
    return grants.filter((grant) => this.#isListed(grant)).map(grantOf);
  }

  /**
   * Returns the live grant that a handle names, and the handle to use from now on, or why the handle has ended.
   * @param use `rotates`: whether the caller gets the handle to use from now on; `handoff`: what the page has in place of
   *   the handle, whose first use settles the key of the session
   * @throws ReauthenticationRequiredError, SignedInElsewhereError, UserBannedError
   * @throws SessionProofError when the session is bound to a key and this is not proven: nothing else is told then
   */
  async openSession(handle: string, use: SessionUse, wait: CallerWait): Promise<OpenedSession> {
    const { grant, reference } = await this.#proven(handle, use, wait);
    const { vault, grantRevocations } = this.#parts;
    if (!grant) throw new ReauthenticationRequiredError();
    if (!isLive(grant)) throw await this.#refusalOfEnded(grant, reference);
    vault.verifyLabels(grant);
    if (grant.sessionVersion !== reference.sessionVersion) throw new ReauthenticationRequiredError();
    const ban = grantRevocations?.isRefused(grant) ? await grantRevocations.findBan(grant) : undefined;
    if (ban) throw new UserBannedError(ban);
    const opened = grantOf(grant);
    if (this.#ends.hasEnded(grant)) return { grant: opened, over: 'expired' };
    const handleVersion = await this.#use(grant, reference, use.rotates, wait);
    if (handleVersion === undefined) return { grant: opened, over: 'superseded' };
    const isSame = handleVersion === reference.handleVersion && !reference.outdated;
    return { grant: opened, session: isSame ? handle : sessionHandle(vault.ring, { ...grant, handleVersion }) };
  }

  /**
   * Stores what has to be known of the use of a handle, in one statement at most where the handle rotates.
   * @returns the version of the handle to use from now on; undefined when the presented one is superseded
   */
  async #use(
    grant: GrantRecord,
    { handleVersion, keyId }: SessionReference,
    rotates: boolean,
    wait: CallerWait,
  ): Promise<number | undefined> {
    const kept = { version: handleVersion, advances: false };
    // A bound handle is of no use to a thief: it need not change.
    const changes = this.#parts.sessions.rotation && grant.keyThumbprint === undefined;
    const step = changes ? stepOf(handleVersion, grant.handleVersion) : kept;
    if (!step) return undefined;
    if (rotates && step.advances) {
      const { id, sessionVersion } = grant;
      const use = { id, sessionVersion, handleVersion: step.version, keyId };
      // The presented handle stays good if this cannot be stored, and the next use tries again.
      const advance = this.#parts.store.advanceHandle(use).then(() => step.version);
      return wait.for(advance).catch(() => handleVersion);
    }
    if (this.#ends.notesUse(grant)) await this.#noteUse(grant.id, wait);
    if (grant.handleKeyId !== keyId) await this.#noteHandleKey(grant.id, keyId, wait);
    return step.advances ? handleVersion : step.version;
  }

  /**
   * Returns the id of the grant that a handle names, ended or not; undefined when the handle is of an earlier session.
   * @throws ReauthenticationRequiredError when this application did not make the handle
   * @throws SessionProofError
   */
  async findIdOf(handle: string, proof: NowggSessionProof | undefined, wait: CallerWait): Promise<string | undefined> {
    const { grant, reference } = await this.#proven(handle, { proof }, wait);
    return grant && asSealed(grant).sessionVersion === reference.sessionVersion ? grant.id : undefined;
  }

  /** The error for a session that has ended: a ban is told to the holder of its last handle. */
  async #refusalOfEnded(grant: GrantRecord, { sessionVersion }: SessionReference): Promise<NowggAuthError> {
    const isLast = grant.state === 'revoked' && asSealed(grant).sessionVersion === sessionVersion;
    const ban = isLast ? await this.#parts.grantRevocations?.findBan(grant, grant.updatedAtMs) : undefined;
    if (ban) return new UserBannedError(ban);
    return isLast && grant.failCode === SIGNED_IN_ELSEWHERE
      ? new SignedInElsewhereError()
      : new ReauthenticationRequiredError();
  }

  async #find(grantId: string, wait: CallerWait): Promise<GrantRecord | undefined> {
    return isGrantId(grantId) ? wait.for(this.#loader.find(grantId)) : undefined;
  }

  /** The session that a handle names, once the key that it is bound to is proven. A handoff settles first which it is. */
  async #proven(
    handle: string,
    { proof, handoff }: Pick<SessionUse, 'proof' | 'handoff'>,
    wait: CallerWait,
  ): Promise<NamedSession> {
    const named = await this.#named(handle, wait);
    const { grant, reference } = named;
    if (!grant) return named;
    if (grant.keyThumbprint !== undefined) {
      await wait.for(this.#proofs.demand(handoff ?? handle, grant, proof));
      return named;
    }
    const isOpen = isLive(grant) && grant.sessionVersion === reference.sessionVersion;
    if (handoff === undefined || !isOpen) return named;
    const keyThumbprint = await wait.for(this.#proofs.settle(handoff, grant, proof));
    if (keyThumbprint !== undefined) return { reference, grant: { ...grant, keyThumbprint } };
    return { reference, grant: { ...grant, handleVersion: Math.max(grant.handleVersion, FIRST_HANDLE_VERSION + 1) } };
  }

  /**
   * The reference in a session handle, and its grant if there is one.
   * @throws ReauthenticationRequiredError when this application did not make the handle for one of its clients
   */
  async #named(handle: string, wait: CallerWait): Promise<NamedSession> {
    if (!isSessionHandleShaped(handle)) throw invalidHandle();
    const reference = this.#read(handle, this.#owners) ?? (await this.#referenceOfOther(handle, wait));
    if (!reference) throw foreignHandle();
    const grant = await this.#find(reference.grantId, wait);
    if (!grant) return { grant, reference };
    const { owner } = reference;
    if (owner && !isSameClient(owner, grant)) {
      if (!(await wait.for(this.#clients.isAdopted(owner, grant)))) throw foreignHandle();
      return this.#ownOrUnavailable(grant, { ...reference, outdated: true });
    }
    return this.#ownOrUnavailable(grant, reference);
  }

  /** The reference in a genuine handle of a client that is not configured here. */
  async #referenceOfOther(handle: string, wait: CallerWait): Promise<SessionReference | undefined> {
    const others = await wait.for(this.#clients.listOthers(this.#owners));
    return others.length === 0 ? undefined : this.#read(handle, others);
  }

  #read(handle: string, owners: readonly SessionOwner[]): SessionReference | undefined {
    return readSessionHandle(this.#parts.vault.ring, handle, owners);
  }

  /** @throws IdentityUnavailableError when the named session lives and belongs to a client that is not configured here */
  #ownOrUnavailable(grant: GrantRecord, reference: SessionReference): NamedSession {
    if (this.#isOwn(grant)) return { grant, reference };
    if (isLive(grant) && grant.sessionVersion === reference.sessionVersion) throw this.#ofAnotherClient(grant);
    // It has ended, for every client.
    return { grant: undefined, reference };
  }

  #ofAnotherClient(grant: GrantRecord): IdentityUnavailableError {
    return grantOfAnotherClient(
      grant,
      this.#owners.find(({ provider }) => provider === grant.provider),
    );
  }

  #isOwn(grant: GrantRecord): boolean {
    return this.#owners.some((own) => isSameClient(own, grant));
  }

  #isListed(grant: GrantRecord): boolean {
    if (!isLive(grant)) return true;
    if (this.#parts.seen.isRevived(grant)) return false;
    try {
      this.#parts.vault.verifyLabels(grant);
      return true;
    } catch {
      // The vault has already published an event.
      return false;
    }
  }

  /** The next use notes it if this one cannot. */
  async #noteUse(grantId: string, wait: CallerWait): Promise<void> {
    await wait.for(this.#parts.store.noteSessionUse(grantId)).catch(() => undefined);
  }

  /** Only for the operator's count: a failure does not affect the caller. */
  async #noteHandleKey(grantId: string, keyId: string, wait: CallerWait): Promise<void> {
    await wait.for(this.#parts.store.noteHandleKey(grantId, keyId)).catch(() => undefined);
  }
}

interface SessionUse {
  readonly rotates: boolean;
  readonly proof: NowggSessionProof | undefined;
  readonly handoff?: string | undefined;
}

type OpenedSession =
  | { readonly grant: NowggGrant; readonly session: string; readonly over?: undefined }
  | { readonly grant: NowggGrant; readonly over: 'expired' | 'superseded' };

interface NamedSession {
  readonly grant: GrantRecord | undefined;
  readonly reference: SessionReference;
}

function foreignHandle(): ReauthenticationRequiredError {
  publishSecurityEvent({ type: 'foreign_session_handle' });
  return invalidHandle();
}

function invalidHandle(): ReauthenticationRequiredError {
  return new ReauthenticationRequiredError('the session handle is not valid, the player has to sign in again');
}
