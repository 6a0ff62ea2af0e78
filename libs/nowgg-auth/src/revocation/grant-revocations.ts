import type { NowggClock } from '../clock.js';
import type { RevocationFeed } from './revocation-feed.js';
import type { RevocationStore } from './revocation-store.js';
import type { RevocationSubject, Watermark } from './marks/watermark.js';

/** The fields of a grant that decide whether it falls under a revocation. */
interface RevocableGrant {
  readonly provider: string;
  readonly userId: string;
  readonly sessionId: string | undefined;
  /** When the exchange that created it began, in epoch milliseconds of the store's clock. */
  readonly begunAtMs: number;
}

/** Port: checks whether a user or session is revoked, for operations on grants instead of tokens. */
export abstract class GrantRevocations {
  /** Whether the grant is refused as far as this process knows, without I/O. */
  abstract isRefused(grant: RevocableGrant): boolean;

  /** Whether the store refuses the grant at this moment. @throws IdentityUnavailableError when it cannot be read */
  abstract isRefusedInStore(grant: RevocableGrant): Promise<boolean>;
}

interface WatermarkedGrantsParts {
  readonly store: RevocationStore;
  readonly feed: RevocationFeed;
  readonly clock: NowggClock;
  /** Tolerance by which a mark of "everything issued so far" reaches beyond the moment when it was set. */
  readonly clockSkewMs: number;
}

/** Checks grants against the watermarks of their user and session. */
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
    // The tolerance is for clocks of identity systems, but our own store timed the exchange. If it were not subtracted,
    // a sign-in right after a sign-out would be refused.
    return begunAtMs <= (markedAtMs ?? issuedUntilMs - this.#parts.clockSkewMs);
  }
}

function subjectsOf({ provider, userId, sessionId }: RevocableGrant): RevocationSubject[] {
  const user: RevocationSubject = { provider, kind: 'user', id: userId };
  return sessionId === undefined ? [user] : [user, { provider, kind: 'session', id: sessionId }];
}
