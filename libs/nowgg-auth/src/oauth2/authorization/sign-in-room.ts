import { type SignInUnderWay, slotOf, UNPROVEN_SLOTS } from './authorization-cookie.js';

/** Maximum number of pending sign-ins in one browser. */
export const MOST_UNDER_WAY = 5;
/** A sign-in that a page of this site started is not cleared for another one before this age. */
const KEPT_FOR_MS = 60_000;

/** The cookie changes that make room for one more sign-in. */
export interface SignInRoom {
  /** Names of cookies to clear. */
  readonly clear: readonly string[];
  /** Slot of a new sign-in of unproven origin; otherwise undefined. */
  readonly slot: number | undefined;
}

/**
 * Makes room for a new sign-in. Clears ended sign-ins first, then those of unproven origin, then the oldest that this
 * site started, but none younger than a minute. A new one of unproven origin replaces only sign-ins of its own kind.
 *
 * @param longestMs longest time that a sign-in may take
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
  // The new sign-in overwrites the one in its slot.
  const others = unproven.filter((each) => slotOf(each) !== slot);
  const mayGo = isUnproven ? others : [...others, ...own.filter(({ begunAtMs }) => nowMs - begunAtMs >= KEPT_FOR_MS)];
  const surplus = Math.max(0, others.length + own.length + 1 - MOST_UNDER_WAY);
  if (surplus > mayGo.length) return undefined;
  const over = underWay.filter((each) => !isLive(each));
  return { clear: [...new Set([...over, ...mayGo.slice(0, surplus)].map(({ name }) => name))], slot };
}

/** A random free slot, so that two tabs rarely choose the same one; without a free one, the slot of the oldest. */
function slotAmong(unproven: readonly SignInUnderWay[]): number {
  const used = new Set(unproven.map(slotOf));
  const free = Array.from({ length: UNPROVEN_SLOTS }, (_, slot) => slot).filter((slot) => !used.has(slot));
  const oldest = unproven[0];
  return free[Math.floor(Math.random() * free.length)] ?? (oldest ? slotOf(oldest) : 0);
}
