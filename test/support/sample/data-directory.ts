import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import { createdOnce } from '../created-once.js';
import { workspace } from './sample-process.js';

const { version } = JSON.parse(
  readFileSync(path.join(workspace, 'node_modules/@electric-sql/pglite/package.json'), 'utf8'),
) as { version: string };

/**
 * A data directory for the sample, with an embedded database that has no table yet. The database is a copy: to create
 * one takes three times the processor time of a start. Tests about a new directory let the sample create it.
 *
 * @param parent directory that holds it
 */
export async function newDataDirectory(parent = tmpdir()): Promise<string> {
  const database = await createdOnce(`pglite-${version}`, async (dataDir) =>
    (await PGlite.create({ dataDir })).close(),
  );
  const directory = await mkdtemp(path.join(parent, 'nowgg-sample-data-'));
  // The command takes a fifth of the processor time of fs.cp for a thousand small files.
  await promisify(execFile)('cp', ['-R', database, path.join(directory, 'postgres')]);
  return directory;
}
