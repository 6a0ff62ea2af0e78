import type { ExplainedMark, ExplainedSession, ExplainedToken, NowggExplanation } from '../../explain/explanation.js';
import { auditText } from '../audit/audit-commands.js';

type ByStores = Omit<NowggExplanation, 'bansKnown'>;

/** An explanation for a person. */
export function explanationText(explained: ByStores): string {
  const { provider, userId, verdict, ban, marks, sessions, hasMoreSessions, token, audit } = explained;
  const reason = verdict.reason === undefined ? '' : ` (${verdict.reason})`;
  return lines([
    `player    ${userId ?? 'not known here'} of ${provider}`,
    `verdict   ${verdict.outcome}${reason}: ${verdict.why}`,
    ...(ban ? [`ban       ${banText(ban)}`] : []),
    ...marks.map((mark) => `mark      ${markText(mark)}`),
    ...(token ? tokenLines(token) : []),
    `sessions  ${sessions.length}${hasMoreSessions ? ', and more' : ''}`,
    ...sessions.flatMap(sessionLines),
    ...(audit ? [`audit     ${audit.length === 0 ? 'no rows' : ''}`.trimEnd(), ...auditLines(audit)] : []),
  ]);
}

function banText({ until, reasonCode, by, beganAt }: NonNullable<ByStores['ban']>): string {
  return [
    until ? `until ${until.toISOString()}` : 'until it is lifted',
    `by ${by ?? 'unknown'}`,
    ...(reasonCode === undefined ? [] : [`for ${reasonCode}`]),
    ...(beganAt ? [`since ${beganAt.toISOString()}`] : []),
  ].join(', ');
}

function markText({ on, refuses, until, writtenAt, cause }: ExplainedMark): string {
  const what = refuses === 'everything' ? 'refuses everything' : 'refuses what was issued';
  return [
    `on the ${on}: ${what} until ${until?.toISOString() ?? 'it is lifted'}`,
    ...(writtenAt ? [`written ${writtenAt.toISOString()}`] : []),
    ...(cause ? ['by a sign-in on another device'] : []),
  ].join(', ');
}

function tokenLines({ wellFormed, handedOutFor, claimed }: ExplainedToken): string[] {
  const [issuedAt, expiresAt] = [claimed?.issuedAt?.toISOString(), claimed?.expiresAt?.toISOString()];
  return [
    ...(wellFormed ? [] : ['token     has not the form of a bearer token']),
    ...(claimed
      ? [`token     says, not verified: issued ${issuedAt ?? 'unknown'}, expires ${expiresAt ?? 'unknown'}`]
      : []),
    ...(handedOutFor.length === 0 ? ['token     was not handed out here, or has expired for a while'] : []),
    ...handedOutFor.map(
      ({ sessionId, isNewest, at }) =>
        `token     handed out ${at.toISOString()} for session ${sessionId}${isNewest ? ', its newest' : ', not its newest'}`,
    ),
  ];
}

function sessionLines(session: ExplainedSession): string[] {
  const { id, provider, clientKey, standing, why, device, place, signedInAt, lastSeenAt, lastRefreshedAt } = session;
  const where = [device ?? 'unknown device', ...(place === undefined ? [] : [place])].join(', ');
  const times = `signed in ${signedInAt.toISOString()}, last seen ${lastSeenAt.toISOString()}`;
  return [
    `  ${standing.padEnd(13)}  ${where}; ${why}`,
    `    ${id} of ${provider} client ${clientKey}`,
    `    ${times}, token stored ${lastRefreshedAt.toISOString()}`,
    ...troubleLines(session),
  ];
}

function troubleLines({ trouble }: ExplainedSession): string[] {
  if (!trouble) return [];
  const { code, refusals, series, refusedSince, attemptBeganAt, leaseUntil, nextAttemptAt } = trouble;
  const facts = [
    ...(code === undefined ? [] : [`last refusal ${code}`]),
    ...(refusals === undefined
      ? []
      : [`${refusals} refusals in ${series} series since ${refusedSince?.toISOString()}`]),
    ...(attemptBeganAt ? [`an attempt from ${attemptBeganAt.toISOString()} has no outcome`] : []),
    ...(leaseUntil ? [`lease until ${leaseUntil.toISOString()}`] : []),
    ...(nextAttemptAt ? [`no attempt before ${nextAttemptAt.toISOString()}`] : []),
  ];
  return [`    refresh: ${facts.join(', ')}`];
}

function auditLines(audit: NonNullable<ByStores['audit']>): string[] {
  if (audit.length === 0) return [];
  return auditText(audit)
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`);
}

function lines(texts: readonly string[]): string {
  return `${texts.join('\n')}\n`;
}
