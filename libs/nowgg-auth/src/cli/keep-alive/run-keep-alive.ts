import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { KeepAliveReport } from '../../keep-alive/keep-alive-pass.js';
import { NowggKeepAliveService } from '../../keep-alive/nowgg-keep-alive.service.js';
import type { KeepAliveCommand } from '../command/command-line.js';
import { CommandProblem } from '../command/command-problem.js';
import type { CommandResult } from '../command/command-result.js';
import type { Surroundings } from '../command/environment.js';
import { nameOf, rootModule } from '../command/root-module.js';

/**
 * Starts the application without its server, so that its identity systems, keys and stores are used, and renews idle grants
 * once.
 * @throws CommandProblem
 */
export async function runKeepAlive(command: KeepAliveCommand, { interruption }: Surroundings): Promise<CommandResult> {
  const { name, dryRun, file, exportName } = command;
  const app = await started(file, exportName);
  try {
    const signal = interruption();
    const reports = await serviceOf(app).run({ dryRun, signal });
    const isDone = reports.every(({ failed, complete }) => failed === 0 && complete);
    const facts = { command: name, dryRun, reports, interrupted: signal.aborted };
    return { exitCode: isDone ? 0 : 1, facts, text: reports.map((report) => textOf(report, dryRun)).join('') };
  } catch (error) {
    throw error instanceof CommandProblem ? error : new CommandProblem(`the grants cannot be read: ${nameOf(error)}`);
  } finally {
    await app.close().catch(() => undefined);
  }
}

async function started(file: string, exportName: string): Promise<INestApplicationContext> {
  const root = await rootModule(file, exportName);
  try {
    return await NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
  } catch (error) {
    throw new CommandProblem(`the application does not start: ${nameOf(error)}`);
  }
}

function serviceOf(app: INestApplicationContext): NowggKeepAliveService {
  try {
    return app.get(NowggKeepAliveService, { strict: false });
  } catch {
    throw new CommandProblem('the application has no NowggAuthModule with a token store');
  }
}

function textOf({ provider, due, renewed, failed, ended, firstLapseAt, complete }: KeepAliveReport, dryRun: boolean) {
  if (dryRun) return `${provider}: would renew ${due} grants; nothing was changed\n`;
  const lapse = firstLapseAt ? `, the first of them lapses ${firstLapseAt.toISOString()}` : '';
  const rest = complete ? '' : '; stopped before the end, the same command continues with what is left';
  return `${provider}: renewed ${renewed} of ${due} grants that were due, ${ended} had ended, ${failed} failed${lapse}${rest}\n`;
}
