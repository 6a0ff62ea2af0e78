import { parseArgs } from 'node:util';
import { isIdentifier } from '../../identity/claims.js';
import { checkAuthor } from '../../revocation/ban-notice.js';
import type { NowggAuthor } from '../../trail/audit-act.js';
import { PROVIDER_NAME } from '../../rules.js';
import { usageProblem } from './command-problem.js';

const DAY_MS = 86_400_000;
const MOST_DAYS = 3_650;
const MOST_ROWS = 5_000;
const WRONG_USER = 'a user id has 1 to 255 characters and no controls';

interface Common {
  readonly json: boolean;
  /** Names of environment variables: secrets must not be on a command line, where every process sees them. */
  readonly databaseUrlEnv: string;
  readonly encryptionKeysEnv: string;
  readonly schema: string | undefined;
}

export interface StatusCommand extends Common {
  readonly name: 'status';
}

export interface RotateCommand extends Common {
  readonly name: 'rotate';
  readonly dryRun: boolean;
  readonly batchSize: number;
  readonly newKey: boolean;
  readonly closeFirstVersion: boolean;
  readonly author: NowggAuthor;
}

export interface SweepCommand extends Common {
  readonly name: 'sweep';
  readonly dryRun: boolean;
  readonly batchSize: number;
  readonly ages: {
    readonly endedForMs: number;
    readonly expiredForMs: number;
    readonly exchangeOlderThanMs: number;
    readonly spentForMs: number;
  };
}

export interface ForgetCommand extends Common {
  readonly name: 'forget';
  readonly dryRun: boolean;
  readonly userId: string;
  readonly provider: string;
  readonly signOut: boolean;
  readonly yes: boolean;
  readonly author: NowggAuthor;
}

export interface RetryCommand extends Common {
  readonly name: 'retry';
  readonly dryRun: boolean;
  readonly batchSize: number;
}

export interface AdoptCommand extends Common {
  readonly name: 'adopt';
  readonly dryRun: boolean;
  readonly batchSize: number;
  readonly provider: string;
  readonly from: string;
  readonly to: string;
}

export interface EndCommand extends Common {
  readonly name: 'end';
  readonly dryRun: boolean;
  readonly batchSize: number;
  readonly provider: string;
  readonly client: string;
  readonly yes: boolean;
  readonly author: NowggAuthor;
}

export type VaultCommand =
  | StatusCommand
  | RotateCommand
  | SweepCommand
  | RetryCommand
  | AdoptCommand
  | EndCommand
  | ForgetCommand;

export interface RoutesCommand {
  readonly name: 'routes';
  readonly json: boolean;
  readonly check: boolean;
  /** File of the application's root module, compiled. */
  readonly file: string;
  /** Name under which the file exports the module. */
  readonly exportName: string;
}

/** Makes an encryption key. */
export interface KeyCommand {
  readonly name: 'key';
  readonly id: string;
}

export interface DoctorCommand extends Common {
  readonly name: 'doctor';
}

/** Lists rows of the audit. */
export interface AuditListCommand extends Common {
  readonly name: 'audit list';
  readonly userId: string | undefined;
  readonly provider: string;
  readonly limit: number;
  readonly sinceMs: number | undefined;
}

/** Deletes old rows of the audit. */
export interface AuditPruneCommand extends Common {
  readonly name: 'audit prune';
  readonly dryRun: boolean;
  readonly batchSize: number;
  readonly olderThanMs: number;
  readonly author: NowggAuthor;
}

/** Explains a player, or the player of a token. */
export interface ExplainCommand extends Common {
  readonly name: 'explain';
  readonly userId: string | undefined;
  /** Name of the environment variable that holds the token. */
  readonly tokenEnv: string | undefined;
  readonly provider: string;
}

/** Renews idle grants once. */
export interface KeepAliveCommand {
  readonly name: 'keep-alive';
  readonly json: boolean;
  readonly dryRun: boolean;
  /** As in {@link RoutesCommand}. */
  readonly file: string;
  readonly exportName: string;
}

export type AuditCommand = AuditListCommand | AuditPruneCommand;

/** The command that the command line requests. */
type CommandLine =
  | { readonly name: 'help' | 'version' }
  | KeyCommand
  | VaultCommand
  | RoutesCommand
  | DoctorCommand
  | AuditCommand
  | ExplainCommand
  | KeepAliveCommand;

const TEXT = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;
const OPTIONS = {
  help: FLAG,
  version: FLAG,
  json: FLAG,
  'database-url-env': TEXT,
  'encryption-keys-env': TEXT,
  schema: TEXT,
  'dry-run': FLAG,
  'batch-size': TEXT,
  'new-key': FLAG,
  'close-first-version': FLAG,
  ended: TEXT,
  expired: TEXT,
  codes: TEXT,
  revocations: TEXT,
  provider: TEXT,
  'sign-out': FLAG,
  from: TEXT,
  to: TEXT,
  client: TEXT,
  yes: FLAG,
  app: TEXT,
  check: FLAG,
  by: TEXT,
  note: TEXT,
  limit: TEXT,
  days: TEXT,
  'older-than': TEXT,
  'token-env': TEXT,
} as const;

type OptionName = keyof typeof OPTIONS;

const EVERYWHERE: readonly OptionName[] = ['help', 'version', 'json', 'database-url-env', 'schema'];
const OF_COMMAND: Readonly<
  Record<(VaultCommand | DoctorCommand | AuditCommand | ExplainCommand)['name'], readonly OptionName[]>
> = {
  doctor: ['encryption-keys-env'],
  explain: ['provider', 'token-env'],
  status: ['encryption-keys-env'],
  rotate: ['encryption-keys-env', 'dry-run', 'batch-size', 'new-key', 'close-first-version', 'by', 'note'],
  sweep: ['dry-run', 'batch-size', 'ended', 'expired', 'codes', 'revocations'],
  retry: ['dry-run', 'batch-size'],
  adopt: ['encryption-keys-env', 'dry-run', 'batch-size', 'provider', 'from', 'to'],
  end: ['dry-run', 'batch-size', 'provider', 'client', 'yes', 'by', 'note'],
  forget: ['dry-run', 'provider', 'sign-out', 'yes', 'by', 'note'],
  'audit list': ['provider', 'limit', 'days'],
  'audit prune': ['dry-run', 'batch-size', 'older-than', 'by', 'note'],
};

/**
 * Reads the arguments after the program's name.
 * @throws CommandProblem that names options and quotes no value: it may be a secret
 */
export function readArguments(args: readonly string[]): CommandLine {
  const { values, positionals } = parsed(args);
  if (values.help) return { name: 'help' };
  if (values.version) return { name: 'version' };
  const [area, name, ...rest] = positionals;
  if (area === 'key') return keyCommand(values, name, rest.length);
  if (area === 'routes') return routesCommand(values, positionals.length);
  if (area === 'doctor') {
    refuseForeign('doctor', values, OF_COMMAND.doctor);
    if (name !== undefined) throw usageProblem('doctor takes no arguments');
    return { ...commonOf(values), name: 'doctor' };
  }
  if (area === 'explain') return explainCommand(values, positionals.slice(1));
  if (area === 'audit' && (name === 'list' || name === 'prune')) return auditCommand(`audit ${name}`, values, rest);
  if (area === 'vault' && name === 'keep-alive') return keepAliveCommand(values, rest.length);
  if (area !== 'vault' || name === undefined || !isVaultCommand(name)) {
    throw usageProblem(
      'the command must be one of doctor, vault status, vault rotate, vault sweep, vault retry, vault adopt, vault end, ' +
        'vault keep-alive, vault forget <userId>, audit list, audit prune, explain <userId>, routes and key',
    );
  }
  const command = name;
  refuseForeign(`vault ${command}`, values, OF_COMMAND[command]);
  if (rest.length !== (command === 'forget' ? 1 : 0)) {
    throw usageProblem(command === 'forget' ? 'vault forget takes one user id' : `vault ${command} takes no arguments`);
  }
  return commandOf(command, values, rest[0] ?? '');
}

type Values = ReturnType<typeof parsed>['values'];

function isVaultCommand(name: string): name is VaultCommand['name'] {
  return name !== 'doctor' && name !== 'explain' && !name.includes(' ') && Object.hasOwn(OF_COMMAND, name);
}

function refuseForeign(command: string, values: Values, own: readonly OptionName[]): void {
  const allowed = [...EVERYWHERE, ...own];
  const foreign = Object.keys(values).find((option) => !allowed.includes(option as OptionName));
  if (foreign !== undefined) throw usageProblem(`${command} has no option --${foreign}`);
}

function commonOf(values: Values): Common {
  return {
    json: values.json === true,
    databaseUrlEnv: variableName(values, 'database-url-env', 'DATABASE_URL'),
    encryptionKeysEnv: variableName(values, 'encryption-keys-env', 'NOWGG_ENCRYPTION_KEYS'),
    schema: matching(values, 'schema', /^[A-Za-z_][A-Za-z0-9_$-]{0,62}$/, 'the name of a schema'),
  };
}

function commandOf(name: VaultCommand['name'], values: Values, userId: string): VaultCommand {
  const common = commonOf(values);
  const dryRun = values['dry-run'] === true;
  const batchSize = whole(values, 'batch-size', 500, 1, MOST_ROWS);
  switch (name) {
    case 'status':
      return { ...common, name };
    case 'rotate':
      return {
        ...common,
        name,
        dryRun,
        batchSize,
        newKey: values['new-key'] === true,
        closeFirstVersion: values['close-first-version'] === true,
        author: authorOf(values),
      };
    case 'sweep':
      return { ...common, name, dryRun, batchSize, ages: agesOf(values) };
    case 'retry':
      return { ...common, name, dryRun, batchSize };
    case 'adopt': {
      const [from, to] = [clientKey(values, 'from'), clientKey(values, 'to')];
      if (from === to) throw usageProblem('--from and --to are the same client');
      return { ...common, name, dryRun, batchSize, provider: providerName(values), from, to };
    }
    case 'end': {
      const client = clientKey(values, 'client');
      const [provider, yes] = [providerName(values), values.yes === true];
      return { ...common, name, dryRun, batchSize, provider, client, yes, author: authorOf(values) };
    }
    case 'forget': {
      if (!isIdentifier(userId)) throw usageProblem(WRONG_USER);
      const provider = providerName(values);
      const [signOut, yes] = [values['sign-out'] === true, values.yes === true];
      return { ...common, name, dryRun, userId, provider, signOut, yes, author: authorOf(values) };
    }
  }
}

function auditCommand(name: AuditCommand['name'], values: Values, rest: readonly string[]): AuditCommand {
  refuseForeign(name, values, OF_COMMAND[name]);
  const common = commonOf(values);
  if (name === 'audit prune') {
    if (rest.length > 0) throw usageProblem('audit prune takes no arguments');
    return {
      ...common,
      name,
      dryRun: values['dry-run'] === true,
      batchSize: whole(values, 'batch-size', 500, 1, MOST_ROWS),
      olderThanMs: whole(values, 'older-than', 365, 1, MOST_DAYS) * DAY_MS,
      author: authorOf(values),
    };
  }
  const [userId] = rest;
  if (rest.length > 1) throw usageProblem('audit list takes one user id at most');
  if (userId !== undefined && !isIdentifier(userId)) throw usageProblem(WRONG_USER);
  const sinceMs = values.days === undefined ? undefined : whole(values, 'days', 1, 1, MOST_DAYS) * DAY_MS;
  const limit = whole(values, 'limit', 50, 1, 500);
  return { ...common, name, userId, provider: providerName(values), limit, sinceMs };
}

function explainCommand(values: Values, given: readonly string[]): ExplainCommand {
  refuseForeign('explain', values, OF_COMMAND.explain);
  const [userId] = given;
  const hasToken = values['token-env'] !== undefined;
  if (given.length > 1 || (userId === undefined) !== hasToken) {
    throw usageProblem('explain takes one user id, or --token-env with the name of the variable that holds a token');
  }
  if (userId !== undefined && !isIdentifier(userId)) throw usageProblem(WRONG_USER);
  const tokenEnv = hasToken ? variableName(values, 'token-env', '') : undefined;
  return { ...commonOf(values), name: 'explain', userId, tokenEnv, provider: providerName(values) };
}

/** Who runs the command, and why, for the audit. */
function authorOf({ by, note }: Values): NowggAuthor {
  const author = { ...(by !== undefined && { by }), ...(note !== undefined && { note }) };
  try {
    checkAuthor(author);
  } catch {
    throw usageProblem('--by takes 1 to 255 characters, and --note 1 to 500, without control and direction characters');
  }
  return author;
}

function routesCommand(values: Values, words: number): RoutesCommand {
  const allowed: readonly OptionName[] = ['help', 'version', 'json', 'app', 'check'];
  const foreign = Object.keys(values).find((option) => !allowed.includes(option as OptionName));
  if (foreign !== undefined) throw usageProblem(`routes has no option --${foreign}`);
  if (words > 1) throw usageProblem('routes takes no arguments');
  return { name: 'routes', json: values.json === true, check: values.check === true, ...applicationOf(values) };
}

function keepAliveCommand(values: Values, more: number): KeepAliveCommand {
  const allowed: readonly OptionName[] = ['help', 'version', 'json', 'app', 'dry-run'];
  const foreign = Object.keys(values).find((option) => !allowed.includes(option as OptionName));
  if (foreign !== undefined) throw usageProblem(`vault keep-alive has no option --${foreign}`);
  if (more > 0) throw usageProblem('vault keep-alive takes no arguments');
  const dryRun = values['dry-run'] === true;
  return { name: 'keep-alive', json: values.json === true, dryRun, ...applicationOf(values) };
}

function applicationOf(values: Values): { readonly file: string; readonly exportName: string } {
  const [, file, exportName] = /^([^#]+)#([A-Za-z_$][\w$]{0,99})$/.exec(values.app ?? '') ?? [];
  if (file !== undefined && exportName !== undefined) return { file, exportName };
  throw usageProblem('--app takes the compiled file of the root module, # and its name: dist/app.module.js#AppModule');
}

function keyCommand(values: Values, id = 'k1', more: number): KeyCommand {
  const [option] = Object.keys(values);
  if (option !== undefined) throw usageProblem(`key has no option --${option}`);
  if (more > 0 || !/^[A-Za-z0-9_-]{1,32}$/.test(id)) {
    throw usageProblem('key takes one id, 1 to 32 characters of A-Z a-z 0-9 _ -');
  }
  return { name: 'key', id };
}

function providerName(values: Values): string {
  return matching(values, 'provider', PROVIDER_NAME, 'the name of an identity provider') ?? 'nowgg';
}

function clientKey(values: Values, option: 'from' | 'to' | 'client'): string {
  const what = 'the key of a client, as vault status lists it';
  const key = matching(values, option, /^[A-Za-z0-9_-]{43}$/, what);
  if (key === undefined) throw usageProblem(`--${option} is missing: it takes ${what}`);
  return key;
}

function agesOf(values: Values): SweepCommand['ages'] {
  return {
    endedForMs: whole(values, 'ended', 30, 0, MOST_DAYS) * DAY_MS,
    expiredForMs: whole(values, 'expired', 30, 0, MOST_DAYS) * DAY_MS,
    exchangeOlderThanMs: whole(values, 'codes', 1, 1, MOST_DAYS) * DAY_MS,
    spentForMs: whole(values, 'revocations', 30, 1, MOST_DAYS) * DAY_MS,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    const message = String((error as { message?: unknown }).message);
    const [, option] = /^(?:Unknown option|Option) '(?:-\w, )?(--?[a-z][a-z-]{0,30})(?: <value>)?'/.exec(message) ?? [];
    if (option === undefined) throw usageProblem('an option cannot be read');
    throw usageProblem(message.startsWith('Unknown') ? `unknown option ${option}` : `${option} cannot be read`);
  }
}

function variableName(
  values: Values,
  option: 'database-url-env' | 'encryption-keys-env' | 'token-env',
  absent: string,
): string {
  const what = 'the name of an environment variable, and never what the variable holds';
  return matching(values, option, /^[A-Za-z_][A-Za-z0-9_]{0,63}$/, what) ?? absent;
}

function matching(
  values: Values,
  option: 'database-url-env' | 'encryption-keys-env' | 'token-env' | 'schema' | 'provider' | 'from' | 'to' | 'client',
  shape: RegExp,
  what: string,
): string | undefined {
  const value = values[option];
  if (value === undefined || shape.test(value)) return value;
  throw usageProblem(`--${option} takes ${what}`);
}

function whole(
  values: Values,
  option: 'batch-size' | 'ended' | 'expired' | 'codes' | 'revocations' | 'limit' | 'days' | 'older-than',
  absent: number,
  least: number,
  most: number,
): number {
  const value = values[option];
  if (value === undefined) return absent;
  const number = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw usageProblem(`--${option} takes a whole number from ${least} to ${most}`);
}
