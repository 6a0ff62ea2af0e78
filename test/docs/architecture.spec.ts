import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { root } from './markdown.js';

const source = path.join(root, 'libs/nowgg-auth/src');
const map = readFileSync(path.join(root, 'docs/architecture/README.md'), 'utf8');

/** Which other folders each folder may import, as the map has it, in the order of the map. */
const allowed = new Map(
  [...map.matchAll(/^\| `([a-z0-9/-]+)` \|[^|]*\| ([^|]*) \|$/gm)].map(([, folder = '', imports = '']) => [
    folder,
    [...imports.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  ]),
);

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const shipped = files.filter((file) => !/\.spec\.ts$|testing-support/.test(file) && file !== 'index.ts');

const folderOf = (file: string) => path.posix.dirname(file);

/** Folders that a folder imports, types included; the files of the root are for all folders. */
function importsOf(folder: string): string[] {
  const targets = shipped
    .filter((file) => folderOf(file) === folder)
    .flatMap((file) =>
      ts
        .preProcessFile(readFileSync(path.join(source, file), 'utf8'))
        .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
        .map(({ fileName }) => folderOf(path.posix.join(folder, fileName))),
    );
  return [...new Set(targets)].filter((target) => target !== folder && target !== '.').toSorted();
}

describe('The map of the library', () => {
  it('names every folder', () => {
    expect([...allowed.keys()].toSorted()).toEqual(
      [...new Set(shipped.map(folderOf))].filter((f) => f !== '.').toSorted(),
    );
  });

  it.each([...allowed])('knows what %s imports, and nothing more', (folder, imports) => {
    expect(importsOf(folder)).toEqual(imports.toSorted());
  });

  it('has imports that point upwards only', () => {
    const order = [...allowed.keys()];
    const downwards = order.flatMap((folder, place) =>
      (allowed.get(folder) ?? [])
        .filter((target) => order.indexOf(target) >= place)
        .map((target) => `${folder} imports ${target}`),
    );
    expect(downwards).toEqual([]);
  });

  it('answers where new code belongs with folders that exist', () => {
    const answers = map.slice(map.indexOf('## Where does this belong?'));
    const named = [...answers.matchAll(/`((?:[a-z0-9-]+\/)+[a-z0-9.-]*)`/g)].map(([, name = '']) => name);
    const known = [...files, ...files.map(folderOf), 'test/contracts', 'test'];
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !known.includes(name.replace(/\/$/, '')))).toEqual([]);
  });

  it('holds at most 20 files a folder', () => {
    const folders = [...new Set(files.map(folderOf))];
    const crowded = folders.filter((folder) => files.filter((file) => folderOf(file) === folder).length > 20);
    expect(crowded).toEqual([]);
  });
});

describe('A planted import cycle', () => {
  it('of types alone is a lint error', async () => {
    const planted = mkdtempSync(path.join(root, 'test/docs/planted-'));
    try {
      writeFileSync(path.join(planted, 'a.ts'), "import type { B } from './b.js';\nexport type A = { b?: B };\n");
      writeFileSync(path.join(planted, 'b.ts'), "import type { A } from './a.js';\nexport type B = { a?: A };\n");
      const oxlint = path.join(root, 'node_modules/oxlint/bin/oxlint');
      const lint = promisify(execFile)(process.execPath, [oxlint, '--config', '.oxlintrc.json', planted], {
        cwd: root,
      });
      await expect(lint).rejects.toMatchObject({ stdout: expect.stringContaining('import(no-cycle)') });
    } finally {
      rmSync(planted, { recursive: true });
    }
  });
});
