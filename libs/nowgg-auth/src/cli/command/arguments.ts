import { isIdentifier } from '../../identity/claims.js';
import { checkAuthor } from '../../revocation/ban-notice.js';
import type { NowggAuthor } from '../../trail/audit-act.js';
import type {
  AuditCommand,
  CommandLine,
  DatabaseCommand,
  ExplainCommand,
  KeepAliveCommand,
  KeyCommand,
  RoutesCommand,
  SweepCommand,
  VaultCommand,
} from './command-line.js';
import { usageProblem } from './command-problem.js';
import {
  clientKey,
  matching,
  type OptionName,
  parsed,
  providerName,
  refuseForeign,
  type Values,
  variableName,
  whole,
} from './option-values.js';

const DAY_MS = 86_400_000;
const MOST_DAYS = 3_650;
const MOST_ROWS = 5_000;
const WRONG_USER = 'a user id has 1 to 255 characters and no controls';

const ALWAYS: readonly OptionName[] = ['help', 'version', 'json'];
const ON_DATABASE: readonly OptionName[] = [...ALWAYS, 'database-url-env', 'schema'];
const OF_VAULT: Readonly<Record<VaultCommand['name'], readonly OptionName[]>> = {
  status: ['encryption-keys-env'],
  rotate: ['encryption-keys-env', 'dry-run', 'batch-size', 'new-key', 'close-first-version', 'by', 'note'],
  sweep: ['dry-run', 'batch-size', 'ended', 'expired', 'codes', 'revocations'],
  retry: ['dry-run', 'batch-size'],
  adopt: ['encryption-keys-env', 'dry-run', 'batch-size', 'provider', 'from', 'to'],
  end: ['dry-run', 'batch-size', 'provider', 'client', 'yes', 'by', 'note'],
  forget: ['dry-run', 'provider', 'sign-out', 'yes', 'by', 'note'],
};
const OF_AUDIT: Readonly<Record<AuditCommand['name'], readonly OptionName[]>> = {
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
    refuseForeign('doctor', values, [...ON_DATABASE, 'encryption-keys-env']);
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
  refuseForeign(`vault ${command}`, values, [...ON_DATABASE, ...OF_VAULT[command]]);
  if (rest.length !== (command === 'forget' ? 1 : 0)) {
    throw usageProblem(command === 'forget' ? 'vault forget takes one user id' : `vault ${command} takes no arguments`);
  }
  return commandOf(command, values, rest[0] ?? '');
}

function isVaultCommand(name: string): name is VaultCommand['name'] {
  return Object.hasOwn(OF_VAULT, name);
}

function commonOf(values: Values): DatabaseCommand {
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
  refuseForeign(name, values, [...ON_DATABASE, ...OF_AUDIT[name]]);
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
  refuseForeign('explain', values, [...ON_DATABASE, 'provider', 'token-env']);
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
  refuseForeign('routes', values, [...ALWAYS, 'app', 'check']);
  if (words > 1) throw usageProblem('routes takes no arguments');
  return { name: 'routes', json: values.json === true, check: values.check === true, ...applicationOf(values) };
}

function keepAliveCommand(values: Values, more: number): KeepAliveCommand {
  refuseForeign('vault keep-alive', values, [...ALWAYS, 'app', 'dry-run']);
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

function agesOf(values: Values): SweepCommand['ages'] {
  return {
    endedForMs: whole(values, 'ended', 30, 0, MOST_DAYS) * DAY_MS,
    expiredForMs: whole(values, 'expired', 30, 0, MOST_DAYS) * DAY_MS,
    exchangeOlderThanMs: whole(values, 'codes', 1, 1, MOST_DAYS) * DAY_MS,
    spentForMs: whole(values, 'revocations', 30, 1, MOST_DAYS) * DAY_MS,
  };
}
