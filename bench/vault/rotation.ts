import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { EncryptionKey } from 'nestjs-nowgg-auth';

/** Result that `vault rotate --json` prints at its end. */
export interface RotationResult {
  readonly resealed: number;
  readonly unreadable: number;
  readonly complete: boolean;
  readonly seconds: number;
  readonly rowsPerSecond: number;
}

export interface RotationSettings {
  readonly databaseUrl: string;
  readonly encryptionKeys: readonly EncryptionKey[];
  readonly batchSize: number;
}

/** Runs the command as an operator would. @param killAt kill -9 as soon as the command reports so many rows as done */
export async function runRotation(
  { databaseUrl, encryptionKeys, batchSize }: RotationSettings,
  killAt?: number,
): Promise<RotationResult | undefined> {
  const bin = fileURLToPath(new URL('../bin/nestjs-nowgg-auth.js', import.meta.resolve('nestjs-nowgg-auth')));
  const command = spawn(process.execPath, [bin, 'vault', 'rotate', '--json', '--batch-size', String(batchSize)], {
    env: {
      PATH: process.env.PATH ?? '',
      DATABASE_URL: databaseUrl,
      NOWGG_ENCRYPTION_KEYS: encryptionKeys.map(({ id, key }) => `${id}:${key}`).join(','),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed: string[] = [];
  const complaints: string[] = [];
  createInterface({ input: command.stdout }).on('line', (line) => printed.push(line));
  createInterface({ input: command.stderr }).on('line', (line) => {
    const { progress } = JSON.parse(line) as { progress?: { done: number } };
    if (progress === undefined) complaints.push(line);
    else if (killAt !== undefined && progress.done >= killAt) command.kill('SIGKILL');
  });
  await once(command, 'close');
  if (command.signalCode === 'SIGKILL') return undefined;
  if (printed[0] === undefined) throw new Error(`the rotation failed: ${complaints.join(' ')}`);
  return JSON.parse(printed[0]) as RotationResult;
}
