import { randomUUID } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { createExclusively, linkUnlessPresent } from './exclusive-file.js';
import { makePrivateDirectory } from './private-files.js';

/** Another running process uses the data directory. */
export class DataDirectoryInUseError extends Error {
  constructor(directory: string, pid: number) {
    super(
      `the data directory ${directory} is in use by process ${pid}: ` +
        'stop it, or set NOWGG_SAMPLE_DATA_DIR to another directory',
    );
    this.name = 'DataDirectoryInUseError';
  }
}

/** Locks that this process holds: any other lock with our own pid is a leftover of an earlier process. */
const heldHere = new Set<string>();

/**
 * Makes this process the only one on a data directory. The embedded database has no lock, and two processes on one
 * directory lose rows. The lock of a process that has ended is taken over.
 * @returns a function that releases the directory
 * @throws DataDirectoryInUseError
 */
export async function lockDataDirectory(directory: string): Promise<() => Promise<void>> {
  await makePrivateDirectory(directory);
  const lockFile = path.resolve(directory, 'lock');
  if (heldHere.has(lockFile)) throw new DataDirectoryInUseError(directory, process.pid);
  heldHere.add(lockFile);
  try {
    await acquire(directory, lockFile);
  } catch (error) {
    heldHere.delete(lockFile);
    throw error;
  }
  return async () => {
    await rm(lockFile, { force: true });
    heldHere.delete(lockFile);
  };
}

async function acquire(directory: string, lockFile: string): Promise<void> {
  const ourselves = await identityOf(process.pid);
  while (!(await createExclusively(lockFile, ourselves))) {
    const holder = await readUnlessGone(lockFile);
    if (holder === undefined) continue;
    const pid = Number.parseInt(holder, 10);
    if (pid !== process.pid && (await isAlive(pid, holder))) throw new DataDirectoryInUseError(directory, pid);
    await removeStale(lockFile, holder);
  }
}

/** Removes the stale lock, unless a faster process has already replaced it with its own. */
async function removeStale(lockFile: string, stale: string): Promise<void> {
  const aside = `${lockFile}.${randomUUID()}`;
  try {
    await rename(lockFile, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readUnlessGone(aside)) !== stale) await linkUnlessPresent(aside, lockFile);
  await rm(aside, { force: true });
}

async function isAlive(pid: number, identity: string): Promise<boolean> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process exists, but belongs to another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return (await identityOf(pid)) === identity;
}

/**
 * The pid, with the boot id and the start time of the process where the system provides them: pids are reused, those
 * are not.
 */
async function identityOf(pid: number): Promise<string> {
  const stat = await readUnlessGone(`/proc/${pid}/stat`);
  const boot = await readUnlessGone('/proc/sys/kernel/random/boot_id');
  if (stat === undefined || boot === undefined) return `${pid}\n`;
  // The program's name may hold spaces and parentheses; the start time is the 20th field after it.
  const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return `${pid} ${boot.trim()} ${startTicks}\n`;
}

async function readUnlessGone(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
