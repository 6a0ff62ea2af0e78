import type { RecordedRequest, RefreshTokenRotation } from 'nowgg-emulator';
import { DURATIONS } from './plan.js';

/** What is known of one grant when everything is over. */
export interface GrantHistory {
  readonly userId: string;
  readonly mode: RefreshTokenRotation;
  /** How often its access token was needed anew. */
  readonly expiries: number;
  /** now.gg's own record of the refreshes of this player, oldest first, up to the end of the faults. */
  readonly calls: readonly RecordedRequest[];
  /** As the row says it. */
  readonly state: string;
  /** Whether some caller was told that the player has to sign in again. */
  readonly wasCalledDead: boolean;
  /** Why the vault gives no new access token; undefined if it does: its refresh token is one that now.gg takes. */
  readonly reasonOfLoss: string | undefined;
}

export interface ModeAudit {
  readonly grants: number;
  readonly expiries: number;
  readonly calls: number;
  /** Calls beyond one for each expiry. */
  readonly extraCalls: number;
  /** Grants without a working refresh token, although the reply with it came whole to a process that lived on. */
  readonly lost: number;
  /** Grants without one because no living process ever had the reply: nothing can promise more (servers that take a refresh token once). */
  readonly lostBeyondPromise: number;
  /** Grants that were ended, or called ended, while a refresh token of theirs still worked. */
  readonly wronglyDead: number;
  /** A line for each grant of the two kinds that break the promise. */
  readonly findings: readonly string[];
}

/**
 * Compares now.gg's record with what the vault gives. Knows the protocol's promise and nothing of how it is
 * kept.
 * @param killed names of the processes that were killed
 */
export function audit(histories: readonly GrantHistory[], killed: ReadonlySet<string>): ModeAudit {
  const count = (wanted: (history: GrantHistory) => boolean) => histories.filter(wanted).length;
  const total = (amount: (history: GrantHistory) => number) =>
    histories.reduce((sum, history) => sum + amount(history), 0);
  const beyondPromise = (history: GrantHistory) =>
    history.reasonOfLoss !== undefined && isBeyondPromise(history, killed);
  const isLost = (history: GrantHistory) => history.reasonOfLoss !== undefined && !beyondPromise(history);
  const isWronglyDead = (history: GrantHistory) => isDead(history) && !beyondPromise(history);
  return {
    grants: histories.length,
    expiries: total(({ expiries }) => expiries),
    calls: total(({ calls }) => calls.length),
    extraCalls: total(({ calls, expiries }) => Math.max(0, calls.length - expiries)),
    lost: count(isLost),
    lostBeyondPromise: count(beyondPromise),
    wronglyDead: count(isWronglyDead),
    findings: histories.filter((history) => isLost(history) || isWronglyDead(history)).map(described),
  };
}

function isDead({ state, wasCalledDead }: GrantHistory): boolean {
  return wasCalledDead || (state !== 'active' && state !== 'suspect');
}

/** Whether the newest refresh token, the only one that works once they rotate, was in a reply that no process received. */
function isBeyondPromise({ mode, calls }: GrantHistory, killed: ReadonlySet<string>): boolean {
  if (mode !== 'once') return false;
  const newest = calls.findLast(({ issued }) => issued?.refreshToken !== undefined);
  return newest !== undefined && (!wasDelivered(newest) || killed.has(newest.userAgent ?? ''));
}

/** Whether the reply went to the connection, whole, as the token endpoint made it, and while it was accepted. */
function wasDelivered({ status, fault, durationMs = 0 }: RecordedRequest): boolean {
  return status !== undefined && fault !== 'body' && durationMs < DURATIONS.lateReplyMs;
}

function described({ mode, userId, state, reasonOfLoss, wasCalledDead, calls }: GrantHistory): string {
  const told = wasCalledDead ? ', called dead' : '';
  const book = calls.map((call) => {
    const { userAgent, fault, issued, durationMs } = call;
    const delivery = `${wasDelivered(call) ? '' : ' not delivered'} in ${durationMs ?? '?'} ms`;
    return `${userAgent ?? ''} ${issued ? 'issued' : 'no'}${delivery}${fault ? ` (${fault})` : ''}`;
  });
  return `${mode} ${userId}: ${reasonOfLoss === undefined ? 'alive' : `lost (${reasonOfLoss})`}, ${state}${told}; ${book.join(', ')}`;
}
