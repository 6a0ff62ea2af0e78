import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { workspace } from './sample-process.js';

const { version } = JSON.parse(
  readFileSync(path.join(workspace, 'node_modules/@electric-sql/pglite/package.json'), 'utf8'),
) as { version: string };
const template = path.join(workspace, 'node_modules/.cache/nowgg-tests', `pglite-${version}`);

/**
 * A data directory for the sample, with an embedded database that has no table yet. The database is a copy: to create
 * one takes three times the processor time of a start. Tests about a new directory let the sample create it.
 *
 * @param parent directory that holds it
 */
export async function newDataDirectory(parent = tmpdir()): Promise<string> {
  await createTemplate();
  const directory = await mkdtemp(path.join(parent, 'nowgg-sample-data-'));
  await cp(template, path.join(directory, 'postgres'), { recursive: true });
  return directory;
}

/** Several processes may do this at once: the first one that is ready gives its copy to all. */
async function createTemplate(): Promise<void> {
  if (existsSync(template)) return;
  const mine = `${template}-${randomUUID()}`;
  await mkdir(path.dirname(template), { recursive: true });
  await (await PGlite.create({ dataDir: mine })).close();
  await rename(mine, template).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await rm(mine, { recursive: true });
  });
}
