import { NowggAuditService } from '../../trail/nowgg-audit.service.js';
import type { NowggAuditRow } from '../../trail/audit-trail.js';
import type { AuditCommand, AuditListCommand, AuditPruneCommand } from '../command/command-line.js';
import type { CommandResult } from '../command/command-result.js';
import type { Surroundings } from '../command/environment.js';
import { atLength } from '../command/long-work.js';
import { type DatabaseWork, onDatabase } from '../command/on-database.js';

const DAY_MS = 86_400_000;

/** Opens the database that the environment names, and reads the audit or deletes its old rows. @throws CommandProblem */
export async function runAuditCommand(command: AuditCommand, surroundings: Surroundings): Promise<CommandResult> {
  return onDatabase(
    command,
    surroundings,
    async ({ trail, revocationStore }) =>
      command.name === 'audit prune' ? trail.checkPrunable() : revocationStore.checkSchema(),
    async (work) => (command.name === 'audit prune' ? prune(command, work) : list(command, work)),
  );
}

async function list(command: AuditListCommand, { connection, clock }: DatabaseWork): Promise<CommandResult> {
  const { name, userId, provider, limit, sinceMs } = command;
  const providers = { getOrOnly: (given: string | undefined) => ({ name: given ?? provider }) };
  const audit = new NowggAuditService({ trail: connection.trail, providers });
  const rows = await audit.list({
    limit,
    ...(userId !== undefined && { userId, provider }),
    ...(sinceMs !== undefined && { since: new Date(clock.now() - sinceMs) }),
  });
  return { exitCode: 0, facts: { command: name, rows }, text: auditText(rows) };
}

async function prune(command: AuditPruneCommand, work: DatabaseWork): Promise<CommandResult> {
  const { name, dryRun, batchSize, olderThanMs, json, author } = command;
  const { store, trail } = work.connection;
  const total = await trail.countOlder(olderThanMs);
  const days = olderThanMs / DAY_MS;
  if (dryRun) {
    const facts = { command: name, dryRun, rows: total, days, interrupted: false };
    return { exitCode: 0, facts, text: `would delete ${total} rows older than ${days} days; nothing was changed\n` };
  }
  // First: what the audit cannot tell is not done.
  const detail = `rows older than ${days} days`;
  if (total > 0) await store.recordAct({ action: 'prune', detail, ...author });
  const { report, interrupted } = await atLength(work, { command: name, total, json }, async (onProgress, signal) => {
    let rows = 0;
    for (let after: string | undefined; !signal.aborted; ) {
      const page = await trail.prune(olderThanMs, batchSize, after);
      rows += page.rows;
      onProgress(rows);
      if (page.next === undefined) break;
      after = page.next;
    }
    return rows;
  });
  const facts = { command: name, dryRun, rows: report, days, interrupted };
  const rest = interrupted ? 'stopped before the end; the same command continues from here\n' : '';
  return { exitCode: interrupted ? 1 : 0, facts, text: `deleted ${report} rows older than ${days} days\n${rest}` };
}

/** The rows for a person, one a line. */
export function auditText(rows: readonly NowggAuditRow[]): string {
  if (rows.length === 0) return 'no rows\n';
  return rows
    .map(({ at, action, provider, kind, subject, userId, feature, until, by, reasonCode, note, detail }) => {
      const who = userId ?? (kind === 'user' ? `an erased player (${subject})` : subject && `${kind} ${subject}`);
      const parts = [
        `${at.toISOString()}  ${action}`,
        ...(who === undefined ? [] : [`${who} of ${provider}`]),
        ...(feature === undefined ? [] : [`from ${feature}`]),
        ...(until === undefined ? [] : [`until ${until.toISOString()}`]),
        `by ${by ?? 'unknown'}`,
        ...(reasonCode === undefined ? [] : [`for ${reasonCode}`]),
        ...(detail === undefined ? [] : [detail]),
        ...(note === undefined ? [] : [`note: ${note}`]),
      ];
      return `${parts.join(', ')}\n`;
    })
    .join('');
}
