import { NowggConfigurationError } from './errors.js';

/** Options as the application gave them: nothing is known about their types. */
export type Given = Readonly<Record<string, unknown>>;

/**
 * A check, and the sentence that follows the option's name when it fails. An absent option passes unless it is
 * `required`. A function in place of the pair returns whole sentences, for values with parts or several sentences; it
 * judges an absent option too, as undefined.
 */
export type Rule =
  | readonly [isGood: (value: unknown) => boolean, sentence: string, presence?: 'required']
  | ((value: unknown, name: string, options: Given) => string[]);

/** The rule of each option. */
export type Rules<Name extends string = string> = Readonly<Record<Name, Rule>>;

/**
 * Every fault of an object of options, unknown options included. The sentences name options, never values.
 *
 * @param path text before each name, such as `verification.`
 * @param absent values that count as absent
 */
export function faultsOf(rules: Rules, options: unknown, path = '', absent: readonly unknown[] = [undefined]) {
  if (!isRecord(options)) return [`${path === '' ? 'the options' : path.slice(0, -1)} must be an object`];
  const unknown = Object.keys(options).filter((name) => !Object.hasOwn(rules, name));
  const wrong = Object.entries(rules).flatMap(([name, rule]) => {
    const value = absent.includes(options[name]) ? undefined : options[name];
    if (typeof rule === 'function') return rule(value, path + name, options);
    const [isGood, sentence, presence] = rule;
    const passes = value === undefined ? presence !== 'required' : isGood(value);
    return passes ? [] : [`${path}${name} ${sentence}`];
  });
  return [...unknown.map((name) => `unknown option ${path}${name}`), ...wrong];
}

/** @throws NowggConfigurationError that names every fault, if there is one */
export function refuse(faults: readonly string[], subject = ''): void {
  if (faults.length > 0) throw new NowggConfigurationError(subject + faults.join('; '));
}

/** The options without those that are absent, for example to replace defaults. */
export function withoutAbsent<T extends object>(options: T, absent: readonly unknown[] = [undefined]): T {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => !absent.includes(value))) as T;
}

/** Whether a value is an object with names, such as a literal or parsed JSON, and not an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= 2048;
}

export function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

export const oneOf = (...values: readonly unknown[]) => {
  return (value: unknown): boolean => values.includes(value);
};

export const matching = (pattern: RegExp) => {
  return (value: unknown): boolean => typeof value === 'string' && pattern.test(value);
};

export const arrayOf = (isGood: (item: unknown) => boolean, least = 0) => {
  return (value: unknown): value is unknown[] => Array.isArray(value) && value.length >= least && value.every(isGood);
};

export const wholeNumber = (least: number, most: number) => {
  return (value: unknown): boolean =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
};

/** The name of an identity provider. */
export const PROVIDER_NAME = /^[A-Za-z0-9_-]{1,64}$/;

export const TRUE_OR_FALSE: Rule = [oneOf(true, false), 'must be true or false'];
export const A_PROVIDER_NAME = [matching(PROVIDER_NAME), 'must be 1 to 64 characters of A-Z a-z 0-9 _ -'] as const;
