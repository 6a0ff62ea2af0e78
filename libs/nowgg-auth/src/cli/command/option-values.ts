import { parseArgs } from 'node:util';
import { PROVIDER_NAME } from '../../rules.js';
import { usageProblem } from './command-problem.js';

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

export type OptionName = keyof typeof OPTIONS;

/** The options of a command line, as they were given. */
export type Values = ReturnType<typeof parsed>['values'];

export function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    const message = String((error as { message?: unknown }).message);
    const [, option] = /^(?:Unknown option|Option) '(?:-\w, )?(--?[a-z][a-z-]{0,30})(?: <value>)?'/.exec(message) ?? [];
    if (option === undefined) throw usageProblem('an option cannot be read');
    throw usageProblem(message.startsWith('Unknown') ? `unknown option ${option}` : `${option} cannot be read`);
  }
}

/** @throws CommandProblem when an option is not one of those that the command has */
export function refuseForeign(command: string, values: Values, allowed: readonly OptionName[]): void {
  const foreign = Object.keys(values).find((option) => !allowed.includes(option as OptionName));
  if (foreign !== undefined) throw usageProblem(`${command} has no option --${foreign}`);
}

export function providerName(values: Values): string {
  return matching(values, 'provider', PROVIDER_NAME, 'the name of an identity provider') ?? 'nowgg';
}

export function clientKey(values: Values, option: 'from' | 'to' | 'client'): string {
  const what = 'the key of a client, as vault status lists it';
  const key = matching(values, option, /^[A-Za-z0-9_-]{43}$/, what);
  if (key === undefined) throw usageProblem(`--${option} is missing: it takes ${what}`);
  return key;
}

export function variableName(
  values: Values,
  option: 'database-url-env' | 'encryption-keys-env' | 'token-env',
  absent: string,
): string {
  const what = 'the name of an environment variable, and never what the variable holds';
  return matching(values, option, /^[A-Za-z_][A-Za-z0-9_]{0,63}$/, what) ?? absent;
}

export function matching(
  values: Values,
  option: 'database-url-env' | 'encryption-keys-env' | 'token-env' | 'schema' | 'provider' | 'from' | 'to' | 'client',
  shape: RegExp,
  what: string,
): string | undefined {
  const value = values[option];
  if (value === undefined || shape.test(value)) return value;
  throw usageProblem(`--${option} takes ${what}`);
}

export function whole(
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
