import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

const cache = path.resolve(import.meta.dirname, '../../node_modules/.cache/nowgg-tests');

/**
 * A directory that is created once for all test files and runs. Several processes may create it at the same time: the
 * first one that is ready gives its directory to all.
 *
 * @param name what it depends on, versions included
 * @param create creates the directory that it is given
 * @returns its path; tests copy it and change nothing in it
 */
export async function createdOnce(name: string, create: (directory: string) => Promise<void>): Promise<string> {
  const directory = path.join(cache, name);
  if (existsSync(directory)) return directory;
  const mine = `${directory}-${randomUUID()}`;
  await mkdir(cache, { recursive: true });
  await create(mine);
  await rename(mine, directory).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await rm(mine, { recursive: true });
  });
  return directory;
}
