import { DEFAULTS } from '../../options/defaults.js';
import type { EncryptionKey } from '../../options/options.js';
import { NowggVaultService } from '../../tokens/upkeep/nowgg-vault-service.js';
import type {
  AdoptCommand,
  EndCommand,
  ForgetCommand,
  RetryCommand,
  RotateCommand,
  StatusCommand,
  SweepCommand,
  VaultCommand,
} from '../command/command-line.js';
import { CommandProblem, usageProblem } from '../command/command-problem.js';
import type { CommandResult } from '../command/command-result.js';
import { atLength, type LongWork } from '../command/long-work.js';
import { adoptText, endText, forgetText, retryText, rotateText, statusText, sum, sweepText } from './vault-texts.js';
import type { VaultConnection } from '../command/vault-connection.js';

interface VaultWork extends LongWork {
  readonly connection: VaultConnection;
  readonly encryptionKeys: readonly EncryptionKey[];
}

/** Carries out a command on an open database. */
export async function runVaultCommand(command: VaultCommand, work: VaultWork): Promise<CommandResult> {
  const { connection, encryptionKeys } = work;
  const identityProviders = { getOrOnly: (name = 'nowgg') => ({ name }) };
  const vault = new NowggVaultService({
    ...connection,
    identityProviders,
    encryptionKeys,
    openFirstVersion: !(command.name === 'rotate' && command.closeFirstVersion),
  });
  switch (command.name) {
    case 'status':
      return status(command, vault, work);
    case 'rotate':
      return rotate(command, vault, work);
    case 'sweep':
      return sweep(command, vault, work);
    case 'retry':
      return retry(command, vault, work);
    case 'adopt':
      return adopt(command, vault, work);
    case 'end':
      return end(command, vault, work);
    case 'forget':
      return forget(command, vault, work);
  }
}

async function status({ name }: StatusCommand, vault: NowggVaultService, work: VaultWork): Promise<CommandResult> {
  const found = await vault.status();
  const ring = work.encryptionKeys.map(({ id }) => id);
  const facts = {
    command: name,
    grants: sum(found.byState),
    ...found,
    sealingKeyId: found.sealingKeyId ?? null,
    // Missing and removable keys can be determined only for a known ring.
    missingKeyIds: ring.length === 0 ? [] : found.neededKeyIds.filter((id) => !ring.includes(id)),
    removableKeyIds: ring.slice(1).filter((id) => !found.neededKeyIds.includes(id)),
  };
  return { exitCode: 0, facts, text: statusText(facts) };
}

async function adopt(command: AdoptCommand, vault: NowggVaultService, work: VaultWork): Promise<CommandResult> {
  const { name, dryRun, batchSize, json, provider, from, to } = command;
  requireKeys(command, work);
  const { adopted: total } = await vault.adopt({ provider, from, to, dryRun: true });
  const { report, interrupted } = await atLength(work, { command: name, total, json }, (onProgress, signal) =>
    vault.adopt({ provider, from, to, dryRun, batchSize, onProgress, signal }),
  );
  const facts = { command: name, dryRun, ...report, interrupted };
  return { exitCode: report.complete || dryRun ? 0 : 1, facts, text: adoptText(facts) };
}

async function end(command: EndCommand, vault: NowggVaultService, work: VaultWork): Promise<CommandResult> {
  const { name, batchSize, json, provider, client, yes, author } = command;
  const dryRun = command.dryRun || !yes;
  const total = await vault.end({ provider, client, dryRun: true });
  const { report, interrupted } = await atLength(work, { command: name, total, json }, (onProgress, signal) =>
    vault.end({ provider, client, dryRun, batchSize, onProgress, signal, ...author }),
  );
  const facts = { command: name, dryRun, grants: report, interrupted };
  const wasAskedFor = yes || command.dryRun;
  return { exitCode: interrupted ? 1 : wasAskedFor ? 0 : 2, facts, text: endText(facts, wasAskedFor) };
}

function requireKeys({ encryptionKeysEnv }: RotateCommand | AdoptCommand, { encryptionKeys }: VaultWork): void {
  if (encryptionKeys.length > 0) return;
  throw usageProblem(`the environment variable ${encryptionKeysEnv} must hold the keys of the ring`);
}

async function rotate(command: RotateCommand, vault: NowggVaultService, work: VaultWork): Promise<CommandResult> {
  const { name, dryRun, batchSize, json } = command;
  requireKeys(command, work);
  const before = await vault.status();
  const sealing = before.sealingKeyId ?? '';
  const total = sum(before.byKeyId) - (before.byKeyId[sealing] ?? 0) + (before.firstVersionByKeyId[sealing] ?? 0);
  if (!command.newKey && total > 0 && !before.neededKeyIds.includes(sealing)) throw unseenKey(sealing);
  const { report, interrupted, seconds } = await atLength(work, { command: name, total, json }, (onProgress, signal) =>
    vault.rotate({ dryRun, batchSize, onProgress, signal, ...command.author }),
  );
  const rowsPerSecond = Math.round(report.resealed / Math.max(seconds, 0.001));
  const facts = { command: name, dryRun, ...report, interrupted, ...(!dryRun && { seconds, rowsPerSecond }) };
  const exitCode = report.complete || (dryRun && report.unreadable === 0) ? 0 : 1;
  return { exitCode, facts, text: rotateText(facts, sealing) };
}

async function sweep(command: SweepCommand, vault: NowggVaultService, work: VaultWork): Promise<CommandResult> {
  const { name, dryRun, batchSize, ages, json } = command;
  const { grants, exchanges, revocations } = await vault.sweep({ ...ages, dryRun: true });
  const total = grants + exchanges + revocations;
  const { report, interrupted } = await atLength(work, { command: name, total, json }, (onProgress, signal) =>
    vault.sweep({ ...ages, dryRun, batchSize, onProgress, signal }),
  );
  const facts = { command: name, dryRun, ...report, interrupted };
  return { exitCode: interrupted ? 1 : 0, facts, text: sweepText(facts) };
}

async function retry(command: RetryCommand, vault: NowggVaultService, work: VaultWork): Promise<CommandResult> {
  const { name, dryRun, batchSize, json } = command;
  const total = await vault.retry({ dryRun: true });
  const { report, interrupted } = await atLength(work, { command: name, total, json }, (onProgress, signal) =>
    vault.retry({ dryRun, batchSize, onProgress, signal }),
  );
  const facts = { command: name, dryRun, grants: report, interrupted };
  return { exitCode: interrupted ? 1 : 0, facts, text: retryText(facts) };
}

async function forget(command: ForgetCommand, vault: NowggVaultService, work: VaultWork): Promise<CommandResult> {
  const { name, userId, provider, signOut, yes, author } = command;
  const dryRun = command.dryRun || !yes;
  if (signOut && !dryRun) {
    const issuedUntilMs = work.clock.now() + DEFAULTS.verification.clockSkewMs;
    const subject = { provider, kind: 'user', id: userId } as const;
    // First: a user whose command is interrupted between the two is signed out and not forgotten, and it can be
    // repeated.
    const act = { action: 'sign_out', provider, target: subject, ...author } as const;
    await work.connection.revocationStore.putMany([{ ...subject, issuedUntilMs, refusedUntilMs: undefined }], [act]);
  }
  const grants = await vault.forget(userId, { provider, dryRun, ...author });
  const facts = { command: name, dryRun, grants, provider, signedOut: signOut && !dryRun };
  return { exitCode: yes || command.dryRun ? 0 : 2, facts, text: forgetText(facts, yes || command.dryRun) };
}

function unseenKey(keyId: string): CommandProblem {
  return new CommandProblem(
    `no process has started with '${keyId}' as the first key of its ring yet. Roll the new ring out to every process ` +
      'first: a process without this key cannot read what is encrypted under it. --new-key rotates anyway',
  );
}
