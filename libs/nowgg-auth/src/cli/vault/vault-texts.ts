import { MOST_EXCHANGES } from '../../tokens/store/vault-record.js';
import type { NowggVaultService } from '../../tokens/upkeep/nowgg-vault-service.js';

type Reported<Operation extends 'status' | 'rotate' | 'sweep' | 'adopt'> = Awaited<
  ReturnType<NowggVaultService[Operation]>
>;

interface StatusFacts extends Omit<Reported<'status'>, 'sealingKeyId'> {
  readonly grants: number;
  readonly sealingKeyId: string | null;
  readonly missingKeyIds: readonly string[];
  readonly removableKeyIds: readonly string[];
}

interface RotateFacts extends Reported<'rotate'> {
  readonly dryRun: boolean;
  readonly interrupted: boolean;
  readonly seconds?: number;
  readonly rowsPerSecond?: number;
}

interface SweepFacts extends Reported<'sweep'> {
  readonly dryRun: boolean;
  readonly interrupted: boolean;
}

interface RetryFacts {
  readonly dryRun: boolean;
  readonly grants: number;
  readonly interrupted: boolean;
}

interface AdoptFacts extends Reported<'adopt'> {
  readonly dryRun: boolean;
  readonly interrupted: boolean;
}

interface ForgetFacts {
  readonly dryRun: boolean;
  readonly grants: number;
  readonly provider: string;
  readonly signedOut: boolean;
}

const RESUME = 'stopped before the end; the same command continues from here';

export function statusText(facts: StatusFacts): string {
  const keys = Object.entries(facts.byKeyId).map(([id, grants]): [string, string] => {
    const notes = [
      ...(id === facts.sealingKeyId ? ['encrypts now'] : []),
      ...(facts.missingKeyIds.includes(id) ? ['not in the ring'] : []),
    ];
    return [`  under ${id}`, [String(grants), ...notes].join('  ')];
  });
  const rows: [string, string][] = [
    ['grants', String(facts.grants)],
    ...Object.entries(facts.byState).map(([state, grants]): [string, string] => [`  ${state}`, String(grants)]),
    ...keys,
    ['in the first version', String(sum(facts.firstVersionByKeyId))],
    ...Object.entries(facts.sessionsByKeyId).map(([id, sessions]): [string, string] => [
      `session handles under ${id}`,
      String(sessions),
    ]),
    ['session handles of an unknown key', String(facts.sessionsOfUnknownKey)],
    ...facts.clients.map(({ provider, clientKey, grants, adoptedBy }): [string, string] => [
      `live grants of ${provider} client ${clientKey}`,
      [String(grants), ...(adoptedBy === undefined ? [] : [`adopted by ${adoptedBy}`])].join('  '),
    ]),
    ['claimed codes', facts.exchanges < MOST_EXCHANGES ? String(facts.exchanges) : `${MOST_EXCHANGES} or more`],
    ['keys that are needed', listed(facts.neededKeyIds)],
  ];
  if (facts.missingKeyIds.length > 0) rows.push(['not in the ring', listed(facts.missingKeyIds)]);
  if (facts.removableKeyIds.length > 0) rows.push(['may leave the ring', listed(facts.removableKeyIds)]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return lines(rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`));
}

export function rotateText(facts: RotateFacts, sealingKeyId: string): string {
  const { dryRun, resealed, unreadable, complete, interrupted, sessionsUnderOtherKeys } = facts;
  const pace = facts.seconds === undefined ? '' : ` in ${facts.seconds} s, ${facts.rowsPerSecond} a second`;
  const text = [
    dryRun
      ? `would encrypt ${counted(resealed, 'grant')} under '${sealingKeyId}'; nothing was changed`
      : `encrypted ${counted(resealed, 'grant')} under '${sealingKeyId}'${pace}`,
  ];
  if (unreadable > 0) text.push(`${counted(unreadable, 'grant')} under no key of the ring, left as they are`);
  if (complete && sessionsUnderOtherKeys === 0) text.push('complete: the other keys may leave the ring');
  else if (complete) {
    text.push(
      'complete: nothing is encrypted under the other keys any more',
      `${counted(sessionsUnderOtherKeys, 'session')} under another key: keep the other keys in the ring until ` +
        'vault status counts none, or these players have to sign in again',
    );
  } else if (interrupted) text.push(RESUME);
  else if (!dryRun && unreadable === 0) {
    text.push(
      'not complete: unfinished sign-ins, or grants that changed meanwhile, are still encrypted under another key; ' +
        'repeat the command, unfinished sign-ins are swept after a day',
    );
  }
  return lines(text);
}

export function sweepText({ dryRun, grants, exchanges, revocations, interrupted }: SweepFacts): string {
  const what = [counted(grants, 'grant'), counted(exchanges, 'claimed code'), counted(revocations, 'spent revocation')];
  const text = [dryRun ? `would delete ${what.join(', ')}; nothing was changed` : `deleted ${what.join(', ')}`];
  return lines(interrupted ? [...text, RESUME] : text);
}

export function retryText({ dryRun, grants, interrupted }: RetryFacts): string {
  const what = counted(grants, 'grant');
  const text = [dryRun ? `would restore ${what}; nothing was changed` : `restored ${what}`];
  return lines(interrupted ? [...text, RESUME] : text);
}

export function adoptText({ dryRun, adopted, unreadable, complete, interrupted }: AdoptFacts): string {
  const what = counted(adopted, 'grant');
  const text = [dryRun ? `would adopt ${what}; nothing was changed` : `adopted ${what}`];
  if (unreadable > 0) text.push(`${counted(unreadable, 'grant')} under no key of the ring, left as they are`);
  if (interrupted) text.push(RESUME);
  else if (!dryRun && !complete && unreadable === 0)
    text.push('not complete: some are being refreshed; repeat the command');
  return lines(text);
}

/** @param wasAskedFor whether the command line has `--yes` or `--dry-run` */
export function endText({ dryRun, grants, interrupted }: RetryFacts, wasAskedFor: boolean): string {
  const what = counted(grants, 'grant');
  if (!wasAskedFor) return lines([`would end ${what}; nothing was changed. Add --yes to end`]);
  const text = [
    dryRun ? `would end ${what}; nothing was changed` : `ended ${what}: their players have to sign in again`,
  ];
  return lines(interrupted ? [...text, RESUME] : text);
}

/** Text without the user's id: the output of a command is kept in logs. */
export function forgetText({ dryRun, grants, provider, signedOut }: ForgetFacts, wasAskedFor: boolean): string {
  const what = `${counted(grants, 'grant')} of this user at '${provider}'`;
  if (!wasAskedFor) return lines([`would delete ${what}; nothing was changed. Add --yes to delete`]);
  if (dryRun) return lines([`would delete ${what}; nothing was changed`]);
  return lines([
    `deleted ${what}`,
    signedOut
      ? 'access tokens that are already out are refused from now on'
      : 'access tokens that are already out stay valid until they expire; --sign-out ends them too',
  ]);
}

/** Sum of all counts of a table. */
export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function listed(ids: readonly string[]): string {
  return ids.length === 0 ? 'none' : ids.join(', ');
}

function lines(texts: readonly string[]): string {
  return `${texts.join('\n')}\n`;
}
