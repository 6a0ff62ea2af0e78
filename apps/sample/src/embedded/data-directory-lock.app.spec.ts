import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataDirectoryInUseError, lockDataDirectory } from './data-directory-lock.js';

let directory: string;
const lockFile = () => path.join(directory, 'lock');

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'nowgg-lock-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function pidOfEndedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid as number;
}

describe('lockDataDirectory', () => {
  it('names our process in a file that only its owner reads, and removes it on release', async () => {
    const release = await lockDataDirectory(directory);
    expect(await readFile(lockFile(), 'utf8')).toMatch(new RegExp(`^${process.pid}\\b`));
    expect((await stat(lockFile())).mode & 0o777).toBe(0o600);
    await release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('refuses a second holder in the same process', async () => {
    const release = await lockDataDirectory(directory);
    await expect(lockDataDirectory(directory)).rejects.toThrow(DataDirectoryInUseError);
    await release();
    await (await lockDataDirectory(directory))();
  });

  it('refuses the directory of another live process and names its pid', async () => {
    const lockModule = new URL('./data-directory-lock.ts', import.meta.url).href;
    const script = `const { lockDataDirectory } = await import(${JSON.stringify(lockModule)});
      await lockDataDirectory(process.argv[1]); process.stdout.write('held'); setInterval(() => {}, 1e6);`;
    const child = spawn(
      process.execPath,
      ['--import', '@swc-node/register/esm-register', '--input-type=module', '-e', script, directory],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      await once(child.stdout, 'data');
      await expect(lockDataDirectory(directory)).rejects.toThrow(`in use by process ${child.pid}`);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    // Killed, it left its lock behind.
    await (await lockDataDirectory(directory))();
  });

  it('takes over the lock of a process that has ended', async () => {
    await writeFile(lockFile(), `${await pidOfEndedProcess()}\n`);
    const release = await lockDataDirectory(directory);
    expect(await readFile(lockFile(), 'utf8')).toMatch(new RegExp(`^${process.pid}\\b`));
    await release();
  });

  it('takes over a lock whose pid now belongs to another program, or to us', async () => {
    await writeFile(lockFile(), `${process.ppid} 00000000-0000-0000-0000-000000000000 1\n`);
    await (await lockDataDirectory(directory))();
    await writeFile(lockFile(), `${process.pid}\n`);
    await (await lockDataDirectory(directory))();
    expect(await readdir(directory)).toEqual([]);
  });

  it('takes over a lock file that holds no pid', async () => {
    await writeFile(lockFile(), '');
    const release = await lockDataDirectory(directory);
    expect(await readFile(lockFile(), 'utf8')).toMatch(new RegExp(`^${process.pid}\\b`));
    await release();
  });
});
