import { chmod, lstat, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';

const ownerOnly = 0o077;
const sticky = 0o1000;

/**
 * Makes a directory that only its owner may enter, also if it existed with other permissions. A directory that is meant
 * to be shared, such as `/tmp`, is left as it is.
 */
export async function makePrivateDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { mode } = await lstat(directory);
  if ((mode & ownerOnly) !== 0 && (mode & sticky) === 0) await chmod(directory, 0o700);
}

/** Removes all permissions of other users from a directory and its content. Links are not followed. */
export async function makePrivate(directory: string): Promise<void> {
  await makePrivateDirectory(directory);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const name = path.join(directory, entry.name);
    if (entry.isDirectory()) await makePrivate(name);
    else if (entry.isFile()) await chmod(name, 0o600);
  }
}

/** Makes files that are created from now on accessible to their owner only. Returns a function that ends this. */
export function createPrivately(): () => void {
  const before = process.umask(ownerOnly);
  return () => void process.umask(before);
}
