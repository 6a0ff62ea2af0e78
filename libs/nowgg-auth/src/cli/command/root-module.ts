import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DynamicModule, Type } from '@nestjs/common';
import { isRecord } from '../../rules.js';
import { CommandProblem } from './command-problem.js';

/** Loads the root module of an application from its compiled file. @throws CommandProblem */
export async function rootModule(file: string, exportName: string): Promise<Type | DynamicModule> {
  const loaded = (await import(pathToFileURL(path.resolve(file)).href).catch((error: unknown) => {
    throw new CommandProblem(`the file of --app cannot be loaded: ${nameOf(error)}`);
  })) as Record<string, unknown> & { readonly default?: Record<string, unknown> };
  const found = loaded[exportName] ?? loaded.default?.[exportName];
  const isModule = typeof found === 'function' || (isRecord(found) && typeof found.module === 'function');
  if (!isModule) throw new CommandProblem('the file of --app does not export a module of this name');
  return found as Type | DynamicModule;
}

/** The kind of an error only: its message may quote values of the environment. */
export function nameOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code)) return code;
  return typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : 'an unexpected error';
}
