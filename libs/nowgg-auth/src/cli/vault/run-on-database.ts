import type { VaultCommand } from '../command/command-line.js';
import type { CommandResult } from '../command/command-result.js';
import { readDatabaseUrl, readEncryptionKeys, type Surroundings } from '../command/environment.js';
import { onDatabase } from '../command/on-database.js';
import { runVaultCommand } from './vault-commands.js';

/** Opens the database that the environment names, carries the command out and closes it. @throws CommandProblem */
export async function runOnDatabase(command: VaultCommand, surroundings: Surroundings): Promise<CommandResult> {
  const { variables } = surroundings;
  // First: what is wrong with the environment is told in its order.
  readDatabaseUrl(variables, command.databaseUrlEnv);
  // A command that needs no key is given none.
  const needsKeys = ['status', 'rotate', 'adopt'].includes(command.name);
  const encryptionKeys = needsKeys ? readEncryptionKeys(variables, command.encryptionKeysEnv) : [];
  return onDatabase(
    command,
    surroundings,
    async ({ store, revocationStore }) => Promise.all([store.checkSchema(), revocationStore.checkSchema()]),
    async (work) => runVaultCommand(command, { ...work, encryptionKeys }),
  );
}
