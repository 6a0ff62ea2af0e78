import type { AttemptRefusal, GrantRecord } from '../store/grant-record.js';
import type { RefreshTiming } from '../calls/refresh-timing.js';

export interface RefusalEvidence {
  readonly grant: Pick<GrantRecord, 'failCount' | 'failCountedAtMs' | 'readAtMs'>;
  /** Whether the identity system's documented code says that this grant is dead. */
  readonly isFinal: boolean;
  /**
   * Whether an earlier attempt with the same refresh token may have been carried out: a refusal then proves nothing.
   */
  readonly predecessorInDoubt: boolean;
  /** Time of the same client's last successful token reply, in epoch milliseconds. */
  readonly clientSucceededAtMs: number | undefined;
}

export type RefusalJudgement = Pick<AttemptRefusal, 'state' | 'failCount' | 'counted' | 'retryInMs'>;

/**
 * Judges the effect of a refusal on a grant. Without a definite code, it takes several refusals that count, far apart.
 * A refusal counts only if the client has had a success since the one before: otherwise a wrong client secret or an
 * outage may be the cause.
 *
 * @param doubtMs time during which a reply to the predecessor in doubt may still arrive
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
