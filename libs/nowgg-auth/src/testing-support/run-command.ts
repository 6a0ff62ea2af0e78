import { runCommand } from '../cli/run.js';

/** Runs the command as a terminal would, and keeps what it prints. */
export async function runInTerminal(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  let [printed, complained] = ['', ''];
  const exitCode = await runCommand(args, {
    variables,
    terminal: {
      print: (text) => void (printed += text),
      complain: (text) => void (complained += text),
      overwrites: false,
    },
    interruption: () => new AbortController().signal,
  });
  return { exitCode, printed, complained };
}
