import type { RefreshTiming } from '../calls/refresh-timing.js';
import { areTooManyRefused, type ClientStanding } from '../store/client-standing.js';
import type { AttemptRefusal, GrantRecord, RefusalRun } from '../store/grant-record.js';

/** A grant as it was when the lease of the refused attempt was acquired. */
export type RefusedGrant = Pick<GrantRecord, 'readAtMs' | 'refusal' | 'refreshTokenExpiresAtMs'>;

export interface RefusalFacts {
  readonly grant: RefusedGrant;
  /** Fingerprint of the secret that was sent. */
  readonly secret: string;
  /** Whether the identity system's documented code says that this grant is dead. */
  readonly isFinal: boolean;
  /**
   * Whether an earlier attempt with the same refresh token may have been carried out: a refusal then proves nothing.
   */
  readonly predecessorInDoubt: boolean;
  /** Time from the begin of the attempt until its refusal arrived, in milliseconds. */
  readonly tookMs: number;
  /** The standing of the client with this secret as it was before the request was sent; undefined if it was not read. */
  readonly client: ClientStanding | undefined;
}

export type RefusalJudgement = Pick<AttemptRefusal, 'state' | 'evidence' | 'retryInMs'>;

/** Number of runs, far apart and each after a success of the client, that together prove as much as one dense run. */
const SPARSE_RUNS = 3;

/**
 * Judges the effect of a refusal on a grant. Without a definite code, a grant ends when it was refused, the same client
 * had a success with the same secret, the grant was refused again at least 25 seconds after the first time, and the
 * client had another success after that. This function covers the refusals; {@link hasEnded} covers the last success.
 *
 * Both refusals must belong to one run of attempts that follow each other closely: two short faults of the identity
 * system that meet the same player are not evidence. Neither is a refusal that took long to arrive. The refusals of a player who returns rarely count as runs of their
 * own, and three of them are needed.
 *
 * @param doubtMs time during which a reply to the predecessor in doubt may still arrive
 */
export function judgeRefusal(facts: RefusalFacts, timing: RefreshTiming, doubtMs: number): RefusalJudgement {
  const { grant, secret, isFinal, predecessorInDoubt, tookMs, client } = facts;
  if (predecessorInDoubt) return { state: 'suspect', evidence: undefined, retryInMs: doubtMs };
  if (isFinal) return { state: 'needs_reauth', evidence: undefined, retryInMs: 0 };
  // A process that stood still, or a slow reply: the refusal is older than its record, or younger than its lease, so that
  // two short faults could look like one long one.
  if (tookMs > timing.refusalSlackMs) return { state: 'suspect', evidence: undefined, retryInMs: 0 };
  const known = grant.refusal;
  const other = known !== undefined && known.secret !== secret;
  // A secret that does not work must not reset what is known under one that does.
  if (other && !worksNow(client, timing)) return { state: 'suspect', evidence: undefined, retryInMs: 0 };
  const evidence = nextEvidence(other ? undefined : known, facts, timing);
  return { state: 'suspect', evidence, retryInMs: pauseAfter(evidence.count, timing) };
}

/**
 * Whether a refused grant has ended: its refusal was confirmed, and the same client had a success with the same secret
 * since. Needs no further question to the identity system.
 */
export function hasEnded(run: RefusalRun | undefined, secret: string, client: ClientStanding): boolean {
  if (run?.confirmedAtMs === undefined || run.secret !== secret || areTooManyRefused(client)) return false;
  return client.succeededAtMs !== undefined && client.succeededAtMs > run.confirmedAtMs;
}

/** Delays of a refused grant for the answer to its caller, in milliseconds. */
const ANSWER = { earlyMs: 30_000, earlyLongestMs: 5_000, confirmedMs: 2_000 };

/**
 * Time after which the caller should ask again, in milliseconds: at most 5 seconds while the refusal is new, and soon
 * while only a success of another player is missing.
 *
 * @param waitMs time until the next attempt
 */
export function askAgainInMs(
  run: Pick<RefusalRun, 'firstAtMs' | 'confirmedAtMs'> | undefined,
  nowMs: number,
  waitMs: number,
): number {
  if (!run) return Math.min(waitMs, ANSWER.earlyLongestMs);
  const isNew = nowMs - run.firstAtMs < ANSWER.earlyMs;
  if (run.confirmedAtMs !== undefined) return Math.min(waitMs, isNew ? ANSWER.confirmedMs : ANSWER.earlyLongestMs);
  return isNew ? Math.min(waitMs, ANSWER.earlyLongestMs) : waitMs;
}

type Evidence = NonNullable<AttemptRefusal['evidence']>;

function nextEvidence(
  run: RefusalRun | undefined,
  { grant, secret, client }: RefusalFacts,
  timing: RefreshTiming,
): Evidence {
  const sentAtMs = grant.readAtMs;
  if (run?.confirmedAtMs !== undefined) {
    return { secret, count: run.count + 1, runs: run.runs, begins: false, confirmation: 'kept' };
  }
  const expired = grant.refreshTokenExpiresAtMs !== undefined && grant.refreshTokenExpiresAtMs <= sentAtMs;
  const succeeded = run !== undefined && succeededSince(client, run.firstAtMs);
  const continues = run !== undefined && sentAtMs <= run.untilMs + timing.refusalSlackMs;
  if (continues) {
    const confirmed = expired || (succeeded && sentAtMs - run.firstAtMs >= timing.refusalsApartMs);
    const confirmation = confirmed ? 'new' : 'none';
    return { secret, count: run.count + 1, runs: run.runs, begins: false, confirmation };
  }
  const runs = (run?.runs ?? 0) + (run === undefined || succeeded ? 1 : 0);
  const confirmation = expired || runs >= SPARSE_RUNS ? 'new' : 'none';
  return { secret, count: 1, runs, begins: true, confirmation };
}

function succeededSince(client: ClientStanding | undefined, atMs: number): boolean {
  return client?.succeededAtMs !== undefined && client.succeededAtMs > atMs;
}

function worksNow(client: ClientStanding | undefined, { workingMs }: RefreshTiming): boolean {
  return client !== undefined && succeededSince(client, client.readAtMs - workingMs);
}

function pauseAfter(count: number, { refusalPausesMs, refusedRetryMs }: RefreshTiming): number {
  return refusalPausesMs[count - 1] ?? refusedRetryMs;
}
