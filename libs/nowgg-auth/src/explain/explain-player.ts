import { LAST_DATE_MS, type NowggClock } from '../clock.js';
import { isIdentifier, readTimeClaim } from '../identity/claims.js';
import { isBearerToken } from '../identity/token-text.js';
import { decodeUnverifiedJws } from '../identity/unverified-jws.js';
import { banRecordOf, type NowggBanRecord } from '../revocation/ban-record.js';
import { isSpent, keyOfSubject, type RevocationSubject, type Watermark } from '../revocation/marks/watermark.js';
import type { RevocationStore } from '../revocation/revocation-store.js';
import type { GrantRecord } from '../tokens/store/grant-record.js';
import type { IssuedToken } from '../tokens/store/issued-token.js';
import type { TokenStore } from '../tokens/store/token-store.js';
import type { AuditTrail, NowggAuditRow } from '../trail/audit-trail.js';
import type {
  ExplainedMark,
  ExplainedSession,
  ExplainedToken,
  ExplainedVerdict,
  NowggExplanation,
} from './explanation.js';
import { covers, standingOf, textOf, troubleOf } from './session-standing.js';

/** Sessions in an answer, and rows of the audit. */
const MOST_SESSIONS = 50;
const MOST_ACTS = 20;

/** What an explanation reads. It writes nothing and asks no identity system. */
export interface ExplainSources {
  /** Absent for an application that only verifies. */
  readonly store?: TokenStore | undefined;
  readonly revocationStore: RevocationStore;
  readonly trail?: AuditTrail | undefined;
  readonly clock: NowggClock;
  readonly clockSkewMs: number;
  /** Whether the handle of a session has ended by its age. Absent where the limits are not known. */
  readonly hasHandleEnded?: ((grant: GrantRecord) => boolean) | undefined;
}

/** Whom or what to explain. */
export interface ExplainSubject {
  readonly provider: string;
  /** The client whose grants are shown; undefined for those of every client. */
  readonly clientKey: string | undefined;
  readonly userId?: string | undefined;
  readonly token?: { readonly text: string; readonly credentialId: string } | undefined;
}

/** What the stores know at one moment. */
interface Known {
  readonly userId: string | undefined;
  readonly issued: readonly IssuedToken[];
  readonly grants: readonly GrantRecord[];
  readonly marks: ReadonlyMap<string, Watermark>;
}

/**
 * Explains by the stores alone: a handful of statements that read indexes, whatever the number of grants.
 * @throws StoreUnavailableError
 */
export async function explainByStores(
  subject: ExplainSubject,
  sources: ExplainSources,
): Promise<Omit<NowggExplanation, 'bansKnown'>> {
  const { provider, token } = subject;
  const { revocationStore, trail, clock } = sources;
  const issued = token ? ((await sources.store?.findIssuedTokens(provider, token.credentialId)) ?? []) : [];
  const users = new Set(issued.map(({ userId }) => userId));
  const userId = subject.userId ?? (users.size === 1 ? [...users][0] : undefined);
  const found = userId === undefined ? [] : await grantsOf(subject, userId, sources);
  const grants = found.slice(0, MOST_SESSIONS);
  const subjects = subjectsOf(provider, userId, grants, token?.credentialId);
  const marks = new Map((await revocationStore.findMany(subjects)).map((mark) => [keyOfSubject(mark), mark]));
  const known: Known = { userId, issued, grants, marks };
  const ban = await banOfUser(provider, known, sources);
  const audit = await auditOf(provider, userId, trail);
  return {
    provider,
    ...(userId !== undefined && { userId }),
    verdict: verdictOf(subject, known, sources),
    ...(ban && { ban }),
    marks: [...marks.values()].filter((mark) => !isSpent(mark, clock.now())).flatMap((mark) => marksIn(mark, clock)),
    sessions: grants.map((grant) => sessionOf(grant, known, sources)),
    hasMoreSessions: found.length > MOST_SESSIONS,
    ...(token && { token: tokenOf(token.text, known) }),
    ...(audit && { audit }),
  };
}

async function grantsOf({ provider, clientKey }: ExplainSubject, userId: string, { store }: ExplainSources) {
  if (!store || !isIdentifier(userId)) return [];
  return store.listNewest(provider, userId, clientKey, MOST_SESSIONS + 1);
}

function subjectsOf(
  provider: string,
  userId: string | undefined,
  grants: readonly GrantRecord[],
  credentialId: string | undefined,
): RevocationSubject[] {
  const sessions = new Set(grants.flatMap(({ sessionId }) => sessionId ?? []));
  return [
    ...(userId === undefined ? [] : [{ provider, kind: 'user', id: userId } as const]),
    ...[...sessions].map((id) => ({ provider, kind: 'session', id }) as const),
    ...(credentialId === undefined ? [] : [{ provider, kind: 'credential', id: credentialId } as const]),
  ];
}

async function banOfUser(
  provider: string,
  { userId, marks }: Known,
  { revocationStore, clock }: ExplainSources,
): Promise<NowggBanRecord | undefined> {
  if (userId === undefined) return undefined;
  const subject = { provider, kind: 'user', id: userId } as const;
  return banRecordOf(subject, marks.get(keyOfSubject(subject))?.refusedUntilMs, revocationStore, clock);
}

async function auditOf(
  provider: string,
  userId: string | undefined,
  trail: AuditTrail | undefined,
): Promise<readonly NowggAuditRow[] | undefined> {
  if (!trail || userId === undefined) return undefined;
  return trail.list({ target: { provider, kind: 'user', id: userId }, limit: MOST_ACTS });
}

function marksIn(mark: Watermark, clock: NowggClock): ExplainedMark[] {
  const { kind, refusedUntilMs, issuedUntilMs, markedAtMs, cause } = mark;
  if (kind === 'token') return [];
  const isBan = refusedUntilMs !== undefined && refusedUntilMs > clock.now();
  // Each session that has ended has such a mark, and its standing tells it.
  const isTold = issuedUntilMs !== undefined && kind !== 'session';
  return [
    ...(isBan ? [{ on: kind, refuses: 'everything' as const, ...until(refusedUntilMs) }] : []),
    ...(!isTold
      ? []
      : [
          {
            on: kind,
            refuses: 'issued_before' as const,
            ...until(issuedUntilMs),
            ...(markedAtMs !== undefined && { writtenAt: new Date(markedAtMs) }),
            ...(cause && { cause }),
          },
        ]),
  ];
}

function until(timeMs: number): { until?: Date } {
  return timeMs <= LAST_DATE_MS ? { until: new Date(timeMs) } : {};
}

function sessionOf(grant: GrantRecord, { marks }: Known, sources: ExplainSources): ExplainedSession {
  const { id, provider, clientKey, state, generation, device, place } = grant;
  const ofGrant = subjectsOf(provider, grant.userId, [grant], undefined);
  const own = ofGrant.flatMap((subject) => marks.get(keyOfSubject(subject)) ?? []);
  const trouble = troubleOf(grant);
  const { accessTokenExpiresAtMs, refreshTokenExpiresAtMs } = grant;
  return {
    id,
    provider,
    clientKey,
    ...standingOf(grant, own, sources.clockSkewMs),
    state,
    generation,
    ...(device !== undefined && { device }),
    ...(place !== undefined && { place }),
    signedInAt: new Date(grant.createdAtMs),
    lastSeenAt: new Date(Math.max(grant.createdAtMs, grant.sessionUsedAtMs)),
    lastRefreshedAt: new Date(grant.accessObtainedAtMs),
    ...(accessTokenExpiresAtMs !== undefined && { accessTokenExpiresAt: new Date(accessTokenExpiresAtMs) }),
    ...(refreshTokenExpiresAtMs !== undefined && { refreshTokenExpiresAt: new Date(refreshTokenExpiresAtMs) }),
    ...(sources.hasHandleEnded && { handleHasEnded: sources.hasHandleEnded(grant) }),
    ...(trouble && { trouble }),
  };
}

function tokenOf(text: string, { issued, grants }: Known): ExplainedToken {
  const jws = decodeUnverifiedJws(text);
  const time = (claim: unknown) => {
    const ms = readTimeClaim(claim);
    return ms === undefined ? undefined : new Date(ms);
  };
  return {
    wellFormed: isBearerToken(text),
    handedOutFor: issued.map(({ grantId, generation, begunAtMs }) => ({
      sessionId: grantId,
      isNewest: grants.find(({ id }) => id === grantId)?.generation === generation,
      at: new Date(begunAtMs),
    })),
    ...(jws && {
      claimed: claimedTimes(time(jws.claims.iat), time(jws.claims.exp)),
    }),
  };
}

function claimedTimes(issuedAt: Date | undefined, expiresAt: Date | undefined): NonNullable<ExplainedToken['claimed']> {
  return { ...(issuedAt && { issuedAt }), ...(expiresAt && { expiresAt }) };
}

/** The verdict by the stores: they can refuse, and cannot accept. */
function verdictOf(subject: ExplainSubject, known: Known, sources: ExplainSources): ExplainedVerdict {
  const { provider, token } = subject;
  const { userId, issued, grants, marks } = known;
  const nowMs = sources.clock.now();
  const refused = (reason: string, why: string): ExplainedVerdict => ({
    outcome: 'refused',
    reason,
    from: 'store',
    why,
  });
  const holders = grants.filter(({ id }) => issued.some(({ grantId }) => grantId === id));
  const concerned = subjectsOf(provider, userId, holders, token?.credentialId);
  const own = concerned.flatMap((each) => marks.get(keyOfSubject(each)) ?? []);
  const ban = own.find(({ refusedUntilMs = 0 }) => refusedUntilMs > nowMs);
  if (ban) return refused('user_banned', `the ${ban.kind} is banned until ${textOf(ban.refusedUntilMs)}`);
  const begunAtMs = issued.length === 0 ? undefined : Math.min(...issued.map((each) => each.begunAtMs));
  for (const mark of own) {
    if (mark.issuedUntilMs === undefined || isSpent(mark, nowMs)) continue;
    const isOfToken = mark.kind === 'credential';
    if (!isOfToken && (begunAtMs === undefined || !covers(mark, begunAtMs, sources.clockSkewMs))) continue;
    const reason = mark.cause ?? 'revoked_token';
    return refused(reason, `the ${isOfToken ? 'token' : mark.kind} was signed out ${textOf(mark.markedAtMs)}`);
  }
  const expiresAtMs = token && readTimeClaim(decodeUnverifiedJws(token.text)?.claims.exp);
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) {
    return refused('expired_token', `the token says that it expired ${textOf(expiresAtMs)}`);
  }
  return { outcome: 'open', from: 'store', why: openText(token !== undefined, own, issued.length > 0, sources) };
}

function openText(isToken: boolean, own: readonly Watermark[], isIssued: boolean, { store }: ExplainSources): string {
  const mark = own.find(({ issuedUntilMs }) => issuedUntilMs !== undefined);
  const older = mark
    ? `tokens from before ${textOf(mark.markedAtMs ?? mark.issuedUntilMs)} are refused, newer ones are not`
    : 'nothing here refuses it';
  if (!isToken) return mark ? older : 'no ban or sign-out refuses the tokens of this player';
  if (isIssued || !store) return `${older}; the identity system decides, unless a process remembers its answer`;
  return `${older}; it was not handed out here, or its record was deleted after its expiry. The identity system decides`;
}
