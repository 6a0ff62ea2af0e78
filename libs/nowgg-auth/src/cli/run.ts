import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readArguments } from './command/arguments.js';
import type {
  AuditCommand,
  DoctorCommand,
  ExplainCommand,
  KeepAliveCommand,
  VaultCommand,
} from './command/command-line.js';
import type { CommandResult } from './command/command-result.js';
import { CommandProblem } from './command/command-problem.js';
import { HELP } from './help.js';
import type { Surroundings } from './command/environment.js';

/** Carries the command line out. Never throws. @returns the exit code */
export async function runCommand(args: readonly string[], surroundings: Surroundings): Promise<0 | 1 | 2> {
  const { terminal } = surroundings;
  // Searched, not parsed: an operator with wrong arguments also gets the answer in the requested form.
  let json = args.includes('--json');
  try {
    const command = readArguments(args);
    switch (command.name) {
      case 'help':
        terminal.print(HELP);
        return 0;
      case 'version':
        terminal.print(`${version()}\n`);
        return 0;
      case 'key':
        terminal.print(`${command.id}:${randomBytes(32).toString('base64')}\n`);
        return 0;
      case 'routes': {
        const { runOnRoutes } = await import('./run-on-routes.js');
        const { exitCode, audit, text } = await runOnRoutes(command);
        terminal.print(command.json ? `${JSON.stringify(audit)}\n` : text);
        return exitCode;
      }
      default: {
        ({ json } = command);
        const { exitCode, facts, text } = await carryOut(command, surroundings);
        terminal.print(json ? `${JSON.stringify(facts)}\n` : text);
        return exitCode;
      }
    }
  } catch (error) {
    const problem = problemOf(error);
    const { message, exitCode } = problem;
    const hint = exitCode === 2 ? '\nsee nestjs-nowgg-auth --help' : '';
    terminal.complain(json ? `${JSON.stringify({ error: message })}\n` : `nestjs-nowgg-auth: ${message}${hint}\n`);
    return exitCode;
  }
}

/** Loads the command late: a call for help does not wait for Nest and TypeORM. */
async function carryOut(
  command: VaultCommand | DoctorCommand | AuditCommand | ExplainCommand | KeepAliveCommand,
  surroundings: Surroundings,
): Promise<CommandResult> {
  if (command.name === 'doctor') {
    const { runDoctor } = await import('./doctor/doctor.js');
    return runDoctor(command, surroundings);
  }
  if (command.name === 'keep-alive') {
    const { runKeepAlive } = await import('./keep-alive/run-keep-alive.js');
    return runKeepAlive(command, surroundings);
  }
  if (command.name === 'explain') {
    const { runExplain } = await import('./explain/explain-command.js');
    return runExplain(command, surroundings);
  }
  if (command.name === 'audit list' || command.name === 'audit prune') {
    const { runAuditCommand } = await import('./audit/audit-commands.js');
    return runAuditCommand(command, surroundings);
  }
  const { runOnDatabase } = await import('./vault/run-on-database.js');
  return runOnDatabase(command, surroundings);
}

/** Hides the details of a foreign error. */
function problemOf(error: unknown): CommandProblem {
  if (error instanceof CommandProblem) return error;
  return new CommandProblem('an unexpected error; completed work is kept');
}

function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
