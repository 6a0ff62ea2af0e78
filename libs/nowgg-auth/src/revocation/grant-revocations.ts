import type { NowggClock } from '../clock.js';
import type { NowggBan } from '../errors.js';
import type { Bans, ExplainedBan } from './bans.js';
import type { BanInForce } from './marks/watermarks.js';
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

  /**
   * The ban of the grant's user or session, for the sign-in that it refuses.
   * @throws IdentityUnavailableError when the store cannot be read
   */
  async findBanInStore(_grant: RevocableGrant): Promise<NowggBan | undefined> {
    return undefined;
  }

  /**
   * The ban that this process knows, for the holder of a session handle. Undefined where bans are not explained to them,
   * and when the grant had ended before the ban began. Reads nothing while there is no ban.
   *
   * @param endedAtMs when the grant was ended; undefined for a live one
   */
  async findBan(_grant: RevocableGrant, _endedAtMs?: number): Promise<NowggBan | undefined> {
    return undefined;
  }
}

interface WatermarkedGrantsParts {
  readonly store: RevocationStore;
  readonly feed: RevocationFeed;
  readonly clock: NowggClock;
  /** Tolerance by which a mark of "everything issued so far" reaches beyond the moment when it was set. */
  readonly clockSkewMs: number;
  /** Reasons of bans. Absent: bans are not told. */
  readonly bans?: Bans | undefined;
  /** Whether the holder of a session handle is told about a ban. */
  readonly explainsBans?: boolean;
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

  override async findBanInStore(grant: RevocableGrant): Promise<NowggBan | undefined> {
    const watermarks = await Promise.all(subjectsOf(grant).map((subject) => this.#parts.store.find(subject)));
    return (await this.#explain(watermarks))?.ban;
  }

  override async findBan(grant: RevocableGrant, endedAtMs?: number): Promise<NowggBan | undefined> {
    if (this.#parts.explainsBans !== true) return undefined;
    const explained = await this.#explain(subjectsOf(grant).map((subject) => this.#parts.feed.find(subject)));
    const endedBefore =
      endedAtMs !== undefined && explained?.beganAtMs !== undefined && endedAtMs < explained.beganAtMs;
    return endedBefore ? undefined : explained?.ban;
  }

  /** Explains the ban that ends last. */
  async #explain(watermarks: readonly (Watermark | undefined)[]): Promise<ExplainedBan | undefined> {
    const now = this.#parts.clock.now();
    const inForce = watermarks.flatMap((watermark): BanInForce[] => {
      if (!watermark || !((watermark.refusedUntilMs ?? now) > now)) return [];
      const { provider, kind, id, refusedUntilMs: untilMs = now } = watermark;
      return [{ provider, kind, id, untilMs }];
    });
    const [last] = inForce.toSorted((one, other) => other.untilMs - one.untilMs);
    return last && this.#parts.bans?.explain(last);
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
