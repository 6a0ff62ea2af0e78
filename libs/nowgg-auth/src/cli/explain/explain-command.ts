import { DEFAULTS } from '../../options/defaults.js';
import { credentialIdOf } from '../../identity/token-text.js';
import { explainByStores } from '../../explain/explain-player.js';
import type { ExplainCommand } from '../command/command-line.js';
import { usageProblem } from '../command/command-problem.js';
import type { CommandResult } from '../command/command-result.js';
import type { Surroundings } from '../command/environment.js';
import { onDatabase } from '../command/on-database.js';
import { explanationText } from './explain-text.js';

/**
 * Explains by the database that the environment names: the sessions of every client on it. Asks no identity system and
 * changes nothing.
 * @throws CommandProblem
 */
export async function runExplain(command: ExplainCommand, surroundings: Surroundings): Promise<CommandResult> {
  const { name, provider, userId, tokenEnv } = command;
  const text = tokenEnv === undefined ? undefined : surroundings.variables[tokenEnv]?.trim();
  if (tokenEnv !== undefined && !text) throw usageProblem(`the environment variable ${tokenEnv} must hold the token`);
  return onDatabase(
    command,
    surroundings,
    async ({ store, revocationStore }) => Promise.all([store.checkSchema(), revocationStore.checkSchema()]),
    async ({ connection, clock }) => {
      const explained = await explainByStores(
        {
          provider,
          clientKey: undefined,
          userId,
          ...(text && { token: { text, credentialId: credentialIdOf(text) } }),
        },
        { ...connection, clock, clockSkewMs: DEFAULTS.verification.clockSkewMs },
      );
      return { exitCode: 0, facts: { command: name, ...explained }, text: explanationText(explained) };
    },
  );
}
