import 'reflect-metadata';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { previewedAudit, type RouteAudit, routesMarkdown } from '../audit/route-audit.js';
import { isRecord } from '../rules.js';
import type { RoutesCommand } from './command/arguments.js';
import { CommandProblem } from './command/command-problem.js';

/** What an application that is not started cannot show. */
const UNKNOWN = [
  'values of options: whether maxAgeMs and provider of @NowggAuth fit them',
  'what main.ts does: useGlobalGuards(), connectMicroservice(), a global prefix, versions of routes',
  'what factories decide: options of GraphQLModule.forRootAsync() and modules that exist under conditions only',
] as const;

/** Lists the routes of an application in Nest's preview mode: modules are read, no provider is created. */
export async function runOnRoutes(command: RoutesCommand): Promise<{
  readonly exitCode: 0 | 1;
  readonly audit: RouteAudit & { readonly unknown: readonly string[] };
  readonly text: string;
}> {
  const audit = { ...(await previewed(command)), unknown: UNKNOWN };
  const unknown = UNKNOWN.map((line) => `- ${line}`).join('\n');
  const text = `${routesMarkdown(audit)}\nNot known without a start:\n\n${unknown}\n`;
  return { exitCode: command.check && audit.findings.length > 0 ? 1 : 0, audit, text };
}

async function previewed({ file, exportName }: RoutesCommand): Promise<RouteAudit> {
  const root = await rootModule(path.resolve(file), exportName);
  try {
    const options = { preview: true, logger: false, abortOnError: false } as const;
    // A context needs no platform package, but does not show whether the application serves HTTP.
    return previewedAudit(await NestFactory.createApplicationContext(root, options));
  } catch (error) {
    throw new CommandProblem(`the application cannot be read: ${nameOf(error)}`);
  }
}

async function rootModule(file: string, exportName: string): Promise<Type | DynamicModule> {
  const loaded = (await import(pathToFileURL(file).href).catch((error: unknown) => {
    throw new CommandProblem(`the file of --app cannot be loaded: ${nameOf(error)}`);
  })) as Record<string, unknown> & { readonly default?: Record<string, unknown> };
  const found = loaded[exportName] ?? loaded.default?.[exportName];
  const isModule = typeof found === 'function' || (isRecord(found) && typeof found.module === 'function');
  if (!isModule) throw new CommandProblem('the file of --app does not export a module of this name');
  return found as Type | DynamicModule;
}

/** The kind of an error only: its message may quote values of the environment. */
function nameOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code)) return code;
  return typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : 'an unexpected error';
}
