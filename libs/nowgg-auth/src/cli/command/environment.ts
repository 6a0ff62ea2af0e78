import { parseEncryptionKeys } from '../../options/encryption-keys.js';
import type { EncryptionKey } from '../../options/options.js';
import { usageProblem } from './command-problem.js';
import type { Terminal } from './progress.js';

/** The environment variables of the process. */
type Variables = Readonly<Record<string, string | undefined>>;

/** @throws CommandProblem that names the variable and not its value */
export function readDatabaseUrl(variables: Variables, name: string): string {
  const url = textOf(variables, name);
  if (url === undefined) throw usageProblem(`the environment variable ${name} must hold the URL of the database`);
  if (!/^postgres(ql)?:\/\//.test(url)) throw usageProblem(`the URL in ${name} has to begin with postgres://`);
  return url;
}

/**
 * Reads `id:base64` for each key, separated by commas; the first key encrypts. Empty when the variable is absent.
 * @throws CommandProblem that names the variable and not its value
 */
export function readEncryptionKeys(variables: Variables, name: string): EncryptionKey[] {
  try {
    return parseEncryptionKeys(variables[name]);
  } catch {
    throw usageProblem(
      `${name} cannot be read: it takes an id, a colon and 32 bytes in base64 for each key, separated by commas`,
    );
  }
}

/** An empty variable counts as absent. */
function textOf(variables: Variables, name: string): string | undefined {
  return variables[name]?.trim() || undefined;
}

/** The environment in which a command runs. */
export interface Surroundings {
  readonly variables: Variables;
  readonly terminal: Terminal;
  /**
   * Returns a signal that aborts when the process is told to end. Before the first call, such a request ends the
   * process at once.
   */
  readonly interruption: () => AbortSignal;
}
