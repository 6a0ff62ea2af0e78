import { InvalidRequestError } from '../../errors.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';
import { type GrantRecord, isLive } from '../store/grant-record.js';
import { isGrantId } from './grant-id.js';
import { SessionEnds } from './session-ends.js';
import type { SessionOwner } from './session-handle.js';

/** A session of a player, for a list of their devices. */
export interface NowggSession {
  /** The id of the grant. It is not a credential: the handle of the session is another value. */
  readonly id: string;
  /** Name of the device, as it named itself: show it as text. Absent when it is not known. */
  readonly device?: string;
  /** Place of the sign-in, as the application gave it. */
  readonly place?: string;
  readonly createdAt: Date;
  /** Last use of its handle, to the day; to the minute where `tokens.sessions.max` is set. */
  readonly lastSeenAt: Date;
  /** Whether the caller's own token belongs to it. */
  readonly current: boolean;
}

/** Sessions in a list; a player who has more sees the newest. */
const MOST_LISTED = 100;
const AT_ONCE = 8;

/** The live sessions of a player at one client, for the player. */
export class PlayerSessions {
  readonly #parts: TokenDependencies;
  readonly #ends: SessionEnds;
  readonly #end: (grantId: string) => Promise<void>;

  /** @param end ends a grant */
  constructor(parts: TokenDependencies, end: (grantId: string) => Promise<void>) {
    this.#parts = parts;
    this.#ends = new SessionEnds(parts.sessions);
    this.#end = end;
  }

  async list(owner: SessionOwner, userId: string, token: string | undefined): Promise<NowggSession[]> {
    const current = token === undefined ? new Set() : await this.#idsOf(owner, userId, token);
    const { store, seen } = this.#parts;
    const grants = await store.listLive(owner.provider, userId, owner.clientKey, MOST_LISTED);
    return grants
      .filter((grant) => !this.#ends.hasEnded(grant) && !seen.isRevived(grant))
      .map((grant) => viewOf(grant, current.has(grant.id)));
  }

  /** @returns false when the user has no such session */
  async end({ provider, clientKey }: SessionOwner, userId: string, id: string): Promise<boolean> {
    const grant = isGrantId(id) ? await this.#parts.store.findGrant(id) : undefined;
    if (!grant || !isLive(grant) || grant.userId !== userId) return false;
    if (grant.provider !== provider || grant.clientKey !== clientKey) return false;
    await this.#end(grant.id);
    return true;
  }

  /**
   * Ends every session but the one of this token.
   * @returns their number
   * @throws InvalidRequestError when the token is of no session: it is not known which one to keep
   */
  async endOthers(owner: SessionOwner, userId: string, token: string): Promise<number> {
    const kept = await this.#idsOf(owner, userId, token);
    if (kept.size === 0) throw new InvalidRequestError('the token belongs to no session of this application');
    for (let ended = 0; ; ) {
      const grants = await this.#parts.store.listLive(owner.provider, userId, owner.clientKey, MOST_LISTED);
      const others = grants.filter(({ id }) => !kept.has(id));
      if (others.length === 0) return ended;
      for (let at = 0; at < others.length; at += AT_ONCE) {
        await Promise.all(others.slice(at, at + AT_ONCE).map(async ({ id }) => this.#end(id)));
      }
      ended += others.length;
    }
  }

  /** The live grants that handed a token out: several where an identity system gives the same one again. */
  async #idsOf({ provider, clientKey }: SessionOwner, userId: string, token: string): Promise<ReadonlySet<string>> {
    const { store, identityProviders } = this.#parts;
    const issued = await store.findIssuedTokens(provider, identityProviders.get(provider).credentialIdOf(token));
    const ids = new Set(issued.filter((each) => each.userId === userId).map(({ grantId }) => grantId));
    for (const id of ids) {
      const grant = await store.findGrant(id);
      if (!grant || !isLive(grant) || grant.clientKey !== clientKey) ids.delete(id);
    }
    return ids;
  }
}

function viewOf({ id, device, place, createdAtMs, sessionUsedAtMs }: GrantRecord, current: boolean): NowggSession {
  return {
    id,
    ...(device !== undefined && { device }),
    ...(place !== undefined && { place }),
    createdAt: new Date(createdAtMs),
    lastSeenAt: new Date(Math.max(createdAtMs, sessionUsedAtMs)),
    current,
  };
}
