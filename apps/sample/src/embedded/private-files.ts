import { chmod, lstat, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';

const ownerOnly = 0o077;
const sticky = 0o1000;

/**
 * Makes a directory that only its owner may enter, also if it was there with other rights. A directory that is shared by
 * its nature, such as `/tmp`, is left as it is.
 */
export async function makePrivateDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { mode } = await lstat(directory);
  if ((mode & ownerOnly) !== 0 && (mode & sticky) === 0) await chmod(directory, 0o700);
}

/** Takes every right of others away from a directory and all that is in it. Links are not followed. */
export async function makePrivate(directory: string): Promise<void> {
  await makePrivateDirectory(directory);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const name = path.join(directory, entry.name);
    if (entry.isDirectory()) await makePrivate(name);
    else if (entry.isFile()) await chmod(name, 0o600);
  }
}

/** Lets files that are created from now on belong to their owner alone. Gives a function that ends it. */
export function createPrivately(): () => void {
  const before = process.umask(ownerOnly);
  return () => void process.umask(before);
}
