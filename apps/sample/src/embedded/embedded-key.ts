import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { EncryptionKey } from 'nestjs-nowgg-auth';
import { createExclusively } from './exclusive-file.js';
import { makePrivateDirectory } from './private-files.js';

const keyId = 'embedded';
const newKey = () => randomBytes(32).toString('base64');

/** A key that lives as long as this process. */
export function temporaryKey(): EncryptionKey {
  return { id: keyId, key: newKey() };
}

/**
 * The key of a data directory, made on first use and readable by its owner only. It is stored next to the data that it
 * encrypts, so it is not a protection: it serves the emulator's players. Real players' tokens need a key from
 * elsewhere.
 */
export async function keyOfDirectory(directory: string): Promise<EncryptionKey> {
  await makePrivateDirectory(directory);
  const file = path.join(directory, 'vault.key');
  await createExclusively(file, `${newKey()}\n`);
  return { id: keyId, key: (await readFile(file, 'utf8')).trim() };
}
