import { type GrantRecord, isLive, isRefreshable } from '../tokens/store/grant-record.js';
import { SIGNED_IN_ELSEWHERE, TOO_MANY_SESSIONS } from '../tokens/store/session-record.js';
import { LAST_DATE_MS } from '../clock.js';
import type { Watermark } from '../revocation/marks/watermark.js';
import type { RefreshTrouble, SessionStanding } from './explanation.js';

/** How a session stands, and why. */
export interface Standing {
  readonly standing: SessionStanding;
  readonly why: string;
}

/** The form of a code of OAuth 2.0 (RFC 6749 section 5.2). Other text came from outside, and is not repeated. */
const CODE = /^[A-Za-z_]{1,40}$/;

/**
 * Decides how a session stands at the moment at which its row was read.
 *
 * @param marks the revocations of its user and of its session
 * @param clockSkewMs tolerance by which a sign-out reaches beyond the moment when it was set
 */
export function standingOf(grant: GrantRecord, marks: readonly Watermark[], clockSkewMs: number): Standing {
  return endedStanding(grant) ?? refusedStanding(grant, marks, clockSkewMs) ?? refreshStanding(grant);
}

function endedStanding(grant: GrantRecord): Standing | undefined {
  if (isLive(grant)) return undefined;
  const at = textOf(grant.updatedAtMs);
  if (grant.state === 'needs_reauth') {
    const code = codeOf(grant);
    const why = `the identity system refused its refresh token${code === undefined ? '' : ` (${code})`}, last change ${at}`;
    return { standing: 'needs_sign_in', why };
  }
  if (grant.failCode === SIGNED_IN_ELSEWHERE) {
    return { standing: 'signed_in_elsewhere', why: `a sign-in on another device ended it ${at}` };
  }
  if (grant.failCode === TOO_MANY_SESSIONS) {
    return { standing: 'not_admitted', why: `the player had as many sessions as are allowed ${at}` };
  }
  return { standing: 'signed_out', why: `this application ended it ${at}` };
}

function refusedStanding(grant: GrantRecord, marks: readonly Watermark[], clockSkewMs: number): Standing | undefined {
  const ban = marks.find(({ refusedUntilMs }) => refusedUntilMs !== undefined && refusedUntilMs > grant.readAtMs);
  if (ban) {
    return { standing: 'banned', why: `the ${ban.kind} is banned until ${textOf(ban.refusedUntilMs)}` };
  }
  const signOut = marks.find((mark) => covers(mark, grant.begunAtMs, clockSkewMs));
  if (!signOut) return undefined;
  const isElsewhere = signOut.cause === SIGNED_IN_ELSEWHERE;
  const why = `a ${isElsewhere ? 'sign-in on another device' : `sign-out of the ${signOut.kind}`} ${textOf(signOut.markedAtMs)} covers it`;
  return { standing: isElsewhere ? SIGNED_IN_ELSEWHERE : 'signed_out', why };
}

/** Whether a sign-out covers what began at a time, by the clock of the store. */
export function covers(mark: Watermark, begunAtMs: number, clockSkewMs: number): boolean {
  const { issuedUntilMs, markedAtMs } = mark;
  return issuedUntilMs !== undefined && begunAtMs <= (markedAtMs ?? issuedUntilMs - clockSkewMs);
}

function refreshStanding(grant: GrantRecord): Standing {
  const { accessTokenExpiresAtMs: expiresAtMs, readAtMs, leaseUntilMs, state } = grant;
  const hasExpired = expiresAtMs !== undefined && expiresAtMs <= readAtMs;
  if (!isRefreshable(grant)) {
    return hasExpired
      ? { standing: 'expired', why: `it has no refresh token, and its access token expired ${textOf(expiresAtMs)}` }
      : { standing: 'usable', why: `it has no refresh token; ${goodUntil(expiresAtMs)}` };
  }
  if (leaseUntilMs !== undefined && leaseUntilMs > readAtMs) {
    return { standing: 'refreshing', why: `a process has the lease of its refresh until ${textOf(leaseUntilMs)}` };
  }
  if (state === 'suspect') {
    const code = codeOf(grant);
    return {
      standing: 'in_doubt',
      why: `the identity system refused it${code === undefined ? '' : ` (${code})`}, and it is not certain why; ${
        hasExpired ? 'its players get 503 until a refresh decides' : goodUntil(expiresAtMs)
      }`,
    };
  }
  if (!hasExpired) return { standing: 'usable', why: goodUntil(expiresAtMs) };
  const nextMs = Math.max(grant.nextAttemptAtMs ?? 0, grant.refusal?.untilMs ?? 0);
  if (nextMs > readAtMs) {
    return {
      standing: 'waiting',
      why: `its last refresh failed; the next one begins ${textOf(nextMs)} at the earliest`,
    };
  }
  const { refreshTokenExpiresAtMs: lapsesAtMs } = grant;
  const lapsed =
    lapsesAtMs !== undefined && lapsesAtMs <= readAtMs
      ? `, and its refresh token was to expire ${textOf(lapsesAtMs)}`
      : '; the next use refreshes it';
  return { standing: 'refresh_due', why: `its access token expired ${textOf(expiresAtMs)}${lapsed}` };
}

/** What the row knows of refreshes that did not succeed; undefined when the last one succeeded. */
export function troubleOf(grant: GrantRecord): RefreshTrouble | undefined {
  const { refusal, attemptStartedAtMs, leaseUntilMs, nextAttemptAtMs, readAtMs } = grant;
  const code = isLive(grant) || grant.state === 'needs_reauth' ? codeOf(grant) : undefined;
  const trouble: RefreshTrouble = {
    ...(code !== undefined && { code }),
    ...(refusal && { refusals: refusal.count, series: refusal.runs, refusedSince: new Date(refusal.firstAtMs) }),
    ...(attemptStartedAtMs !== undefined && { attemptBeganAt: new Date(attemptStartedAtMs) }),
    ...(leaseUntilMs !== undefined && leaseUntilMs > readAtMs && { leaseUntil: new Date(leaseUntilMs) }),
    ...(nextAttemptAtMs !== undefined && nextAttemptAtMs > readAtMs && { nextAttemptAt: new Date(nextAttemptAtMs) }),
  };
  return Object.keys(trouble).length === 0 ? undefined : trouble;
}

function codeOf({ failCode }: GrantRecord): string | undefined {
  if (failCode === undefined) return undefined;
  return CODE.test(failCode) ? failCode : 'a code that is not shown';
}

function goodUntil(expiresAtMs: number | undefined): string {
  return expiresAtMs === undefined
    ? 'its access token states no expiry'
    : `its access token is good until ${textOf(expiresAtMs)}`;
}

/** A time in a sentence. */
export function textOf(timeMs: number | undefined): string {
  if (timeMs === undefined) return 'at an unknown time';
  return Math.abs(timeMs) <= LAST_DATE_MS ? new Date(timeMs).toISOString() : 'it is lifted';
}
