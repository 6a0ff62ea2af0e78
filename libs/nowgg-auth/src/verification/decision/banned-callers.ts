import type { NowggClock } from '../../clock.js';
import type { NowggBan } from '../../errors.js';
import type { NowggPrincipal } from '../../principal.js';
import { type Bans, banOf, type ExplainedBan } from '../../revocation/bans.js';
import type { RevocationView } from '../../revocation/revocation-feed.js';
import { invalid, type Verdict } from './verdict.js';

interface BannedCallersParts {
  readonly revocations: RevocationView;
  /** Looks up when the token's exchange or refresh began; undefined when the look-up fails. */
  readonly findBegunAt: (principal: NowggPrincipal, token: string) => Promise<number | undefined>;
  readonly clock: NowggClock;
  /** Absent: the end of a ban is told, and no reason. */
  readonly bans: Bans | undefined;
}

/** A token that a ban refuses. */
interface RefusedToken {
  readonly principal: NowggPrincipal;
  readonly identity: string;
  /** When its exchange or refresh began, where that is known. */
  readonly begunAtMs?: number | undefined;
  /** Undefined for a caller without a token. */
  readonly token: (() => string) | undefined;
}

/**
 * Tells banned callers why and until when. Only a token that is good otherwise learns it: one that a sign-out had refused
 * before the ban began is a revoked one.
 */
export class BannedCallers {
  readonly #parts: BannedCallersParts;

  constructor(parts: BannedCallersParts) {
    this.#parts = parts;
  }

  /** Completes a verdict of `decide` with the reason of the ban. */
  complete(verdict: Verdict, refused: RefusedToken): Verdict | Promise<Verdict> {
    if (verdict.status !== 'invalid' || verdict.reason !== 'user_banned') return verdict;
    const found = this.find(refused);
    const tell = (ban: NowggBan | undefined): Verdict =>
      ban ? { status: 'invalid', reason: 'user_banned', ban } : invalid('revoked_token');
    return found instanceof Promise ? found.then(tell) : tell(found);
  }

  /** The ban of a caller; undefined when it is over, or when the token was refused before it began. */
  find(refused: RefusedToken): NowggBan | undefined | Promise<NowggBan | undefined> {
    const { revocations, bans, clock } = this.#parts;
    const inForce = revocations.findBan(refused.principal, refused.identity, clock.now());
    if (!inForce) return undefined;
    if (!bans) return banOf(inForce.untilMs);
    const explained = bans.explain(inForce);
    return explained instanceof Promise
      ? explained.then(async (ban) => this.#toldTo(refused, ban))
      : this.#toldTo(refused, explained);
  }

  #toldTo(
    refused: RefusedToken,
    { ban, beganAtMs }: ExplainedBan,
  ): NowggBan | undefined | Promise<NowggBan | undefined> {
    const { revocations, findBegunAt } = this.#parts;
    const { principal, identity, token } = refused;
    if (beganAtMs === undefined) return ban;
    const wasRefused = (begunAtMs: number | undefined) =>
      revocations.refusedBefore(principal, identity, beganAtMs, begunAtMs);
    if (!wasRefused(refused.begunAtMs)) return ban;
    if (refused.begunAtMs !== undefined || !token) return undefined;
    return findBegunAt(principal, token()).then((begunAtMs) =>
      begunAtMs !== undefined && !wasRefused(begunAtMs) ? ban : undefined,
    );
  }
}
