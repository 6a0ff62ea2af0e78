import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keyOfDirectory, temporaryKey } from './embedded-key.js';

let parent: string;

beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), 'nowgg-key-'));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

describe('the key of the embedded mode', () => {
  it('is 32 random bytes', () => {
    expect(Buffer.from(temporaryKey().key, 'base64')).toHaveLength(32);
    expect(temporaryKey().key).not.toBe(temporaryKey().key);
  });

  it('is made once for a directory, for its owner only', async () => {
    const directory = path.join(parent, 'data');
    const first = await keyOfDirectory(directory);
    expect(await keyOfDirectory(directory)).toEqual(first);
    expect((await stat(path.join(directory, 'vault.key'))).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  it('is the same for all who ask for it first at the same time', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => keyOfDirectory(parent)));
    expect(new Set(keys.map(({ key }) => key)).size).toBe(1);
    expect(await readdir(parent)).toEqual(['vault.key']);
  });
});
