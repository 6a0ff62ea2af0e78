import { randomUUID } from 'node:crypto';
import { link, rm, writeFile } from 'node:fs/promises';

/**
 * Creates a file that only its owner may read, unless it exists. It appears with its whole content at once, so that
 * no other process ever reads half of it.
 * @returns whether this call created it
 */
export async function createExclusively(file: string, content: string): Promise<boolean> {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, content, { mode: 0o600 });
  try {
    return await linkUnlessPresent(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Gives a file a second name, unless that name is taken. */
export async function linkUnlessPresent(file: string, name: string): Promise<boolean> {
  try {
    await link(file, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
