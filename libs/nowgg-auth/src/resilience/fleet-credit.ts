import type { CallLease, CallNeed } from './call-rate.js';

/** What the processes of a fleet know about their common rate. */
export interface FleetCredit {
  /** Time of {@link calls}, in epoch milliseconds of the clock that all processes share. */
  readonly atMs: number;
  /** Number of calls that can be leased; below 0 when more were made than that. */
  readonly calls: number;
  /** When each process last asked, and how many calls it then wanted and did not get. */
  readonly processes: Readonly<Record<string, readonly [askedAtMs: number, unmet: number]>>;
}

/** A process that has not asked for this long does not count as one of the fleet, in milliseconds. */
const PRESENT_MS = 60_000;
/** Time for which a need that was not met keeps its share, in milliseconds. */
const UNMET_MS = 300;
const MOST_PROCESSES = 256;

/**
 * Leases calls to one process. When there are fewer calls than all processes want, each gets the same, or less if it
 * wants less.
 *
 * @param credit undefined when nothing is known
 * @param process id of the process that asks
 */
export function leaseFrom(
  credit: FleetCredit | undefined,
  process: string,
  need: CallNeed,
  nowMs: number,
): { readonly lease: CallLease; readonly left: FleetCredit } {
  const { burst, wanted } = need;
  const calls = callsAt(credit, need, nowMs);
  const others = Object.entries(credit?.processes ?? {})
    .filter(([id, [at]]) => id !== process && at <= nowMs && nowMs - at < PRESENT_MS)
    .toSorted(([, [one]], [, [other]]) => other - one)
    .slice(0, MOST_PROCESSES - 1);
  const unmet = others.filter(([, asked]) => isUnmet(asked, nowMs)).map(([, [, number]]) => number);
  const part = fairPart(calls, wanted, unmet);
  // With less than one call for each, those get one that got less than they wanted last time.
  const least = part < 1 && isUnmet(credit?.processes[process], nowMs) ? 1 : 0;
  const granted = calls < 1 ? 0 : Math.min(wanted, Math.floor(calls), Math.max(least, part));
  const left = Math.min(burst, Math.max(-burst, calls - granted));
  const processes = Object.fromEntries([...others, [process, [nowMs, wanted - granted] as const]]);
  return { lease: { calls: granted, processes: others.length + 1 }, left: { atMs: nowMs, calls: left, processes } };
}

function isUnmet(asked: FleetCredit['processes'][string] | undefined, nowMs: number): boolean {
  return asked !== undefined && asked[1] > 0 && asked[0] <= nowMs && nowMs - asked[0] < UNMET_MS;
}

function callsAt(credit: FleetCredit | undefined, { perSecond, burst, spent }: CallNeed, nowMs: number): number {
  if (!credit) return burst - spent;
  // A clock that was set back gives nothing, and one that jumped ahead no more than the burst.
  const elapsedMs = Math.max(0, nowMs - credit.atMs);
  return Math.min(burst, credit.calls + (elapsedMs * perSecond) / 1_000) - spent;
}

/** The part of one process when every process gets the same, and what one does not want goes to the others. */
function fairPart(calls: number, wanted: number, others: readonly number[]): number {
  const needs = others.toSorted((one, other) => one - other);
  let left = calls;
  for (const [index, need] of needs.entries()) {
    const equal = left / (needs.length - index + 1);
    if (need >= equal) return Math.floor(Math.min(wanted, equal));
    left -= need;
  }
  return Math.floor(Math.min(wanted, left));
}
