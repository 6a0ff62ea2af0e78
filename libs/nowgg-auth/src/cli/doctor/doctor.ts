import { SystemClock } from '../../clock.js';
import { NOWGG_RULES, type NowggProviderOptions } from '../../identity/nowgg/nowgg-options.js';
import { faultsOf } from '../../rules.js';
import type { DoctorCommand } from '../command/command-line.js';
import { CommandProblem } from '../command/command-problem.js';
import { readDatabaseUrl, readEncryptionKeys, type Surroundings } from '../command/environment.js';
import type { CommandResult } from '../command/command-result.js';
import { checkDatabase } from './doctor-database.js';
import { type DoctorArea, type Finding, findingsOf } from './doctor-finding.js';
import { checkIdentity } from './doctor-identity.js';
import { checkRedis, withoutRedis } from './doctor-redis.js';

const configuration = findingsOf('configuration');
const CLEAR_LINE = '\r\u001B[2K';

/** Looks at everything that the environment names. Changes nothing. Exit code 1 when a check failed. */
export async function runDoctor(command: DoctorCommand, { variables, terminal }: Surroundings): Promise<CommandResult> {
  const clock = new SystemClock();
  const findings: Finding[] = [];
  const tell = (area: DoctorArea) => {
    if (command.json) terminal.complain(`${JSON.stringify({ progress: { command: 'doctor', area } })}\n`);
    else if (terminal.overwrites) terminal.complain(`${CLEAR_LINE}looking at ${area} …`);
  };
  const textOf = (name: string) => variables[name]?.trim() || undefined;

  tell('configuration');
  const client = {
    clientId: textOf('NOWGG_CLIENT_ID'),
    clientSecret: textOf('NOWGG_CLIENT_SECRET'),
    baseUrl: textOf('NOWGG_BASE_URL'),
  };
  const faults = client.clientId === undefined ? [] : faultsOf(NOWGG_RULES, client);
  if (client.clientId === undefined) {
    findings.push(configuration.failed('client', 'NOWGG_CLIENT_ID is not set', 'set it, and NOWGG_CLIENT_SECRET'));
  } else if (faults.length > 0) {
    findings.push(configuration.failed('client', faults.join('; '), 'check NOWGG_CLIENT_ID, _SECRET and _BASE_URL'));
  } else findings.push(configuration.ok('client', 'client id, secret and address can be read'));

  const databaseUrl = readable(findings, 'database', () =>
    textOf(command.databaseUrlEnv) === undefined ? undefined : readDatabaseUrl(variables, command.databaseUrlEnv),
  );
  const keys = readable(findings, 'keys', () => readEncryptionKeys(variables, command.encryptionKeysEnv)) ?? [];

  if (client.clientId !== undefined && faults.length === 0) {
    tell('identity');
    findings.push(...(await checkIdentity(client as NowggProviderOptions, textOf('NOWGG_TOKEN'), clock)));
  }
  tell('database');
  if (databaseUrl !== undefined) findings.push(...(await checkDatabase(databaseUrl, command.schema, keys, clock)));
  else
    findings.push(findingsOf('database').skipped('connection', `${command.databaseUrlEnv} does not name a database`));
  tell('redis');
  const redisUrl = textOf('REDIS_URL');
  findings.push(redisUrl === undefined ? withoutRedis() : await checkRedis(redisUrl, clock));
  if (terminal.overwrites && !command.json) terminal.complain(CLEAR_LINE);

  const hasFailed = findings.some(({ status }) => status === 'failed');
  return {
    exitCode: hasFailed ? 1 : 0,
    facts: { command: 'doctor', isWell: !hasFailed, findings },
    text: text(findings),
  };
}

/** A value of the environment, or a finding that says why it cannot be read. */
function readable<T>(findings: Finding[], check: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CommandProblem)) throw error;
    findings.push(configuration.failed(check, error.message));
    return undefined;
  }
}

const MARKS: Readonly<Record<Finding['status'], string>> = {
  ok: 'ok     ',
  warning: 'WARNING',
  failed: 'FAILED ',
  skipped: 'skipped',
};

function text(findings: readonly Finding[]): string {
  return findings
    .map(({ area, check, status, message, advice }) => {
      const line = `${MARKS[status]}  ${`${area} ${check}`.padEnd(22)} ${message}\n`;
      return advice === undefined ? line : `${line}${' '.repeat(33)}→ ${advice}\n`;
    })
    .join('');
}
