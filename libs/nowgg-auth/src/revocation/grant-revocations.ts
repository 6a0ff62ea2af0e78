import type { NowggClock } from '../clock.js';
import type { RevocationFeed } from './revocation-feed.js';
import type { RevocationStore } from './revocation-store.js';
import type { RevocationSubject, Watermark } from './marks/watermark.js';

/** What tells whether a grant falls under a revocation. */
export interface RevocableGrant {
  readonly provider: string;
  readonly userId: string;
  readonly sessionId: string | undefined;
  /** When the exchange that made it began, epoch milliseconds of the store's clock. */
  readonly begunAtMs: number;
}

/** Port: whether a user or session is revoked, for what is done with grants rather than with a token. */
export abstract class GrantRevocations {
  /** As far as this process knows, without I/O. */
  abstract isRefused(grant: RevocableGrant): boolean;

  /** As the store has it at this moment. @throws IdentityUnavailableError when it cannot be read */
  abstract isRefusedInStore(grant: RevocableGrant): Promise<boolean>;
}

export interface WatermarkedGrantsParts {
  readonly store: RevocationStore;
  readonly feed: RevocationFeed;
  readonly clock: NowggClock;
  /** The tolerance that a mark of "everything issued so far" reaches beyond the moment when it was set. */
  readonly clockSkewMs: number;
}

/** Grants against the watermarks of their user and session. */
export class WatermarkedGrants extends GrantRevocations {
  readonly #parts: WatermarkedGrantsParts;

  constructor(parts: WatermarkedGrantsParts) {
    super();
    this.#parts = parts;
  }

  override isRefused(grant: RevocableGrant): boolean {
    return subjectsOf(grant).some((subject) => this.#refuses(this.#parts.feed.find(subject), grant));
  }

  override async isRefusedInStore(grant: RevocableGrant): Promise<boolean> {
    const watermarks = await Promise.all(subjectsOf(grant).map((subject) => this.#parts.store.find(subject)));
    return watermarks.some((watermark) => this.#refuses(watermark, grant));
  }

  #refuses(watermark: Watermark | undefined, { begunAtMs }: RevocableGrant): boolean {
    if (!watermark) return false;
    const { refusedUntilMs, issuedUntilMs, markedAtMs } = watermark;
    if (refusedUntilMs !== undefined && refusedUntilMs > this.#parts.clock.now()) return true;
    if (issuedUntilMs === undefined) return false;
    // The tolerance is for clocks of identity systems; the exchange was timed by our own store. Without taking it off
    // again, a sign-in right after a sign-out would be refused.
    return begunAtMs <= (markedAtMs ?? issuedUntilMs - this.#parts.clockSkewMs);
  }
}

function subjectsOf({ provider, userId, sessionId }: RevocableGrant): RevocationSubject[] {
  const user: RevocationSubject = { provider, kind: 'user', id: userId };
  return sessionId === undefined ? [user] : [user, { provider, kind: 'session', id: sessionId }];
}
