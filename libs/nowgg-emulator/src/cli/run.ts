import { errorMessage } from '../error-message.js';
import type { NowggEmulator } from '../nowgg-emulator.js';
import { startNowggEmulator } from '../start-nowgg-emulator.js';
import { help, readArguments } from './arguments.js';

/** Output of the command. */
export interface Terminal {
  print(text: string): void;
  complain(text: string): void;
}

/** A finished command with its exit code, or a running emulator that the caller has to close. */
export type CommandResult = { readonly exitCode: number } | { readonly emulator: NowggEmulator };

/** Runs the command line. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<CommandResult> {
  const command = readArguments(args);
  switch (command.action) {
    case 'help':
      terminal.print(help);
      return { exitCode: 0 };
    case 'refuse':
      terminal.complain(`nowgg-emulator: ${command.problem}\n\n${help}`);
      return { exitCode: 2 };
    case 'start':
      return start(command.options, terminal);
  }
}

async function start(options: Parameters<typeof startNowggEmulator>[0], terminal: Terminal): Promise<CommandResult> {
  try {
    const emulator = await startNowggEmulator(options);
    terminal.print(greet(emulator));
    return { emulator };
  } catch (error) {
    const problem = errorMessage(error, 'could not start');
    terminal.complain(`nowgg-emulator: ${problem.replace(/^nowgg-emulator /, '')}\n`);
    return { exitCode: 1 };
  }
}

function greet({ url, players }: NowggEmulator): string {
  const names = players.map(({ userId }) => userId).join(', ');
  return `now.gg emulator at ${url}
open it in a browser to sign in, to see what happens, and to set faults
players: ${names}
a one-time code for the first player:
  curl -X POST ${url}/_control/codes
`;
}
