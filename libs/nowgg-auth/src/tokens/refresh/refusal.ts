import type { AttemptRefusal, GrantRecord } from '../store/grant-record.js';
import type { RefreshTiming } from '../calls/refresh-timing.js';

export interface RefusalEvidence {
  readonly grant: Pick<GrantRecord, 'failCount' | 'failCountedAtMs' | 'readAtMs'>;
  /** The identity system's documented code says that this grant is dead. */
  readonly isFinal: boolean;
  /** An earlier attempt with the same refresh token may have been carried out: then a refusal is no news. */
  readonly predecessorInDoubt: boolean;
  /** When the same client last had a successful token reply, epoch milliseconds. */
  readonly clientSucceededAtMs: number | undefined;
}

export type RefusalJudgement = Pick<AttemptRefusal, 'state' | 'failCount' | 'counted' | 'retryInMs'>;

/**
 * What a refusal does to a grant. Without a definite code it takes several that count, far apart; and one counts only if
 * the client has had a success since the one before: else it is our secret or their bad day.
 *
 * @param doubtMs how long a reply to the predecessor in doubt may still come
 */
export function judgeRefusal(evidence: RefusalEvidence, timing: RefreshTiming, doubtMs: number): RefusalJudgement {
  const { failCount } = evidence.grant;
  if (evidence.predecessorInDoubt) return { state: 'suspect', failCount, counted: false, retryInMs: doubtMs };
  if (evidence.isFinal) return { state: 'needs_reauth', failCount: failCount + 1, counted: true, retryInMs: 0 };
  const retryInMs = timing.refusedRetryMs;
  if (!counts(evidence, timing)) return { state: 'suspect', failCount, counted: false, retryInMs };
  const state = failCount + 1 >= timing.countedRefusals ? 'needs_reauth' : 'suspect';
  return { state, failCount: failCount + 1, counted: true, retryInMs };
}

function counts({ grant, clientSucceededAtMs }: RefusalEvidence, timing: RefreshTiming): boolean {
  const countedAtMs = grant.failCountedAtMs;
  if (countedAtMs === undefined) return true;
  const farEnough = grant.readAtMs - countedAtMs >= timing.countedApartMs;
  return farEnough && clientSucceededAtMs !== undefined && clientSucceededAtMs > countedAtMs;
}
