import { SystemClock } from '../../clock.js';
import { IdentityUnavailableError, NowggConfigurationError } from '../../errors.js';
import { CommandProblem } from './command-problem.js';
import { readDatabaseUrl, type Surroundings } from './environment.js';
import type { LongWork } from './long-work.js';
import { connectVault, type VaultConnection } from './vault-connection.js';

/** The database of a command, and its surroundings. */
export interface DatabaseWork extends LongWork {
  readonly connection: VaultConnection;
}

/**
 * Opens the database that the environment names, does the work and closes it.
 * @param check looks whether the tables and rights are those that the work needs
 * @throws CommandProblem
 */
export async function onDatabase<T>(
  command: { readonly databaseUrlEnv: string; readonly schema: string | undefined },
  { variables, terminal, interruption }: Surroundings,
  check: (connection: VaultConnection) => Promise<unknown>,
  work: (given: DatabaseWork) => Promise<T>,
): Promise<T> {
  const url = readDatabaseUrl(variables, command.databaseUrlEnv);
  const clock = new SystemClock();
  const connection = await connectVault(url, command.schema, clock);
  try {
    await check(connection);
    return await work({ connection, clock, terminal, interruption });
  } catch (error) {
    throw told(error);
  } finally {
    await connection.close().catch(() => undefined);
  }
}

/** Translates errors of the services for an operator. */
function told(error: unknown): unknown {
  if (error instanceof NowggConfigurationError) return new CommandProblem(error.message);
  if (error instanceof IdentityUnavailableError) {
    return new CommandProblem(
      'the database did not answer, or refused; completed work is kept, and the same command continues from there',
    );
  }
  return error;
}
