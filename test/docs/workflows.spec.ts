import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { root } from './markdown.js';

const run = async (script: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [path.join(root, 'tools', script), ...args], { cwd: root });

async function checkChanged(change: (workflow: string) => string): Promise<unknown> {
  const directory = mkdtempSync(path.join(tmpdir(), 'workflows-'));
  try {
    const workflow = readFileSync(path.join(root, '.github/workflows/ci.yml'), 'utf8');
    writeFileSync(path.join(directory, 'ci.yml'), change(workflow));
    return await run('check-workflows.mjs', directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('The workflows', () => {
  it('are well formed, and run nothing but npm scripts and .ci/run', async () => {
    await expect(run('check-workflows.mjs')).resolves.toMatchObject({ stderr: '' });
  });

  it.each<[string, (workflow: string) => string, RegExp]>([
    ['a misspelled key', (workflow) => workflow.replace('runs-on', 'runs-onn'), /ci\.yml:\d+: .*runs-on/],
    ['an unknown value in an expression', (workflow) => workflow.replace('matrix.node }}', 'matrix.nodes }}'), /nodes/],
    ['a command of their own', (workflow) => workflow.replace('bash .ci/run', 'npm run test:nothing'), /test:nothing/],
  ])('are refused with %s', async (_fault, change, message) => {
    await expect(checkChanged(change)).rejects.toMatchObject({ stderr: expect.stringMatching(message) });
  });
});

describe('The release script', () => {
  it('refuses to run while a change has not become a version', async () => {
    const change = path.join(root, '.changeset/test-of-the-release-script.md');
    const directory = mkdtempSync(path.join(tmpdir(), 'release-'));
    try {
      const file = path.join(directory, 'repository.json');
      writeFileSync(file, '{ "url": "https://example.com/owner/name" }');
      writeFileSync(change, '');
      await expect(run('release.mjs', '--dry-run', '--repository', file)).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('npm run release:version first'),
      });
    } finally {
      rmSync(change);
      rmSync(directory, { recursive: true });
    }
  });

  it.each(['{ "url": "" }', '{ "url": "git@example.com:owner/name" }', '{}'])(
    'refuses to run while the address of the repository is %s',
    async (content) => {
      const directory = mkdtempSync(path.join(tmpdir(), 'release-'));
      try {
        const file = path.join(directory, 'repository.json');
        writeFileSync(file, content);
        await expect(run('release.mjs', '--dry-run', '--repository', file)).rejects.toMatchObject({
          code: 1,
          stderr: expect.stringContaining('does not name the public repository'),
        });
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );
});
