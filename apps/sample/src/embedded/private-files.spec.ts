import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createPrivately, makePrivate, makePrivateDirectory } from './private-files.js';

let parent: string;
const at = (...names: string[]) => path.join(parent, ...names);
const modeOf = async (...names: string[]) => ((await stat(at(...names))).mode & 0o7777).toString(8);

beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), 'nowgg-private-'));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

describe('private files', () => {
  it('take the rights of others away, however deep, and follow no link', async () => {
    await mkdir(at('data', 'deep'), { recursive: true });
    for (const name of ['outside', 'data/pg_hba.conf', 'data/deep/table']) {
      await writeFile(at(name), '');
      await chmod(at(name), 0o666);
    }
    for (const name of ['data', 'data/deep']) await chmod(at(name), 0o755);
    await symlink(at('outside'), at('data', 'link'));
    await makePrivate(at('data'));
    expect(await Promise.all([['data'], ['data', 'deep']].map((names) => modeOf(...names)))).toEqual(['700', '700']);
    expect(await modeOf('data', 'pg_hba.conf')).toBe('600');
    expect(await modeOf('data', 'deep', 'table')).toBe('600');
    expect(await modeOf('outside')).toBe('666');
  });

  it('leave a directory that is shared by its nature as it is', async () => {
    await mkdir(at('shared'));
    await chmod(at('shared'), 0o1777);
    await makePrivateDirectory(at('shared'));
    expect(await modeOf('shared')).toBe('1777');
  });

  it('are created as such until that ends', async () => {
    const end = createPrivately();
    await writeFile(at('secret'), '');
    end();
    expect(await modeOf('secret')).toBe('600');
  });
});
