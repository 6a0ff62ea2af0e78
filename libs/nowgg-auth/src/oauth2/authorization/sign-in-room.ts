import { type SignInUnderWay, slotOf, UNPROVEN_SLOTS } from './authorization-cookie.js';

/** So many sign-ins are under way in one browser at most. */
export const MOST_UNDER_WAY = 5;
/** A sign-in that a page of this site began is not cleared for another one before this age. */
const KEPT_FOR_MS = 60_000;

/** How a browser makes room for one more sign-in. */
export interface SignInRoom {
  /** Names of cookies to clear. */
  readonly clear: readonly string[];
  /** For a new sign-in of unproven origin. */
  readonly slot: number | undefined;
}

/**
 * Makes room for a new sign-in: what is over goes first, then those of unproven origin, then the oldest that this site
 * began, but never a younger one than a minute. One of unproven origin displaces only its own kind.
 *
 * @param longestMs how long a sign-in may take
 * @returns undefined when there is no room
 */
export function roomFor(
  underWay: readonly SignInUnderWay[],
  isUnproven: boolean,
  nowMs: number,
  longestMs: number,
): SignInRoom | undefined {
  const isLive = ({ stateHash, begunAtMs }: SignInUnderWay) =>
    stateHash !== undefined && nowMs - begunAtMs < longestMs && begunAtMs - nowMs < KEPT_FOR_MS;
  const live = underWay.filter(isLive).toSorted((one, other) => one.begunAtMs - other.begunAtMs);
  const unproven = live.filter((each) => each.isUnproven);
  const own = live.filter((each) => !each.isUnproven);
  const slot = isUnproven ? slotAmong(unproven) : undefined;
  // Overwritten by the new one.
  const others = unproven.filter((each) => slotOf(each) !== slot);
  const mayGo = isUnproven ? others : [...others, ...own.filter(({ begunAtMs }) => nowMs - begunAtMs >= KEPT_FOR_MS)];
  const surplus = Math.max(0, others.length + own.length + 1 - MOST_UNDER_WAY);
  if (surplus > mayGo.length) return undefined;
  const over = underWay.filter((each) => !isLive(each));
  return { clear: [...new Set([...over, ...mayGo.slice(0, surplus)].map(({ name }) => name))], slot };
}

/** A free one, or that of the oldest. Free ones by chance, so that two tabs hardly meet in one. */
function slotAmong(unproven: readonly SignInUnderWay[]): number {
  const used = new Set(unproven.map(slotOf));
  const free = Array.from({ length: UNPROVEN_SLOTS }, (_, slot) => slot).filter((slot) => !used.has(slot));
  const oldest = unproven[0];
  return free[Math.floor(Math.random() * free.length)] ?? (oldest ? slotOf(oldest) : 0);
}
