import { SystemClock } from '../../clock.js';
import { IdentityUnavailableError, NowggConfigurationError } from '../../errors.js';
import type { VaultCommand } from '../command/arguments.js';
import { CommandProblem } from '../command/command-problem.js';
import { readDatabaseUrl, readEncryptionKeys, type Surroundings } from '../command/environment.js';
import type { CommandResult } from '../command/command-result.js';
import { runVaultCommand } from './vault-commands.js';
import { connectVault } from '../command/vault-connection.js';

/** Opens the database that the environment names, carries the command out and closes it. @throws CommandProblem */
export async function runOnDatabase(command: VaultCommand, surroundings: Surroundings): Promise<CommandResult> {
  const { variables, terminal, interruption } = surroundings;
  const url = readDatabaseUrl(variables, command.databaseUrlEnv);
  // A command that needs no key is given none.
  const needsKeys = ['status', 'rotate', 'adopt'].includes(command.name);
  const encryptionKeys = needsKeys ? readEncryptionKeys(variables, command.encryptionKeysEnv) : [];
  const clock = new SystemClock();
  const connection = await connectVault(url, command.schema, clock);
  try {
    await Promise.all([connection.store.checkSchema(), connection.revocationStore.checkSchema()]);
    return await runVaultCommand(command, { connection, encryptionKeys, clock, terminal, interruption });
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
