import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { previewedAudit, type RouteAudit, routesMarkdown } from '../audit/route-audit.js';
import type { RoutesCommand } from './command/command-line.js';
import { CommandProblem } from './command/command-problem.js';
import { nameOf, rootModule } from './command/root-module.js';

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
  const root = await rootModule(file, exportName);
  try {
    const options = { preview: true, logger: false, abortOnError: false } as const;
    // A context needs no platform package, but does not show whether the application serves HTTP.
    return previewedAudit(await NestFactory.createApplicationContext(root, options));
  } catch (error) {
    throw new CommandProblem(`the application cannot be read: ${nameOf(error)}`);
  }
}
