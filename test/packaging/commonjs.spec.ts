import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { packedLibraries, tarballOf } from './packed.js';

/** The command is started by Node.js itself, so it has no CommonJS copy. */
const isOfCommand = (file: string) => file.startsWith('cli/');

describe.each(packedLibraries())('the CommonJS copy in $name', (library) => {
  let folder: string;
  let files: string[];
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'nowgg-commonjs-'));
    const { status, stderr } = spawnSync('tar', ['-xzf', tarballOf(library), '-C', folder], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    files = namesIn('cjs');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const read = (file: string) => readFileSync(path.join(folder, 'package', file), 'utf8');
  const namesIn = (name: string) =>
    readdirSync(path.join(folder, 'package', name), { recursive: true, encoding: 'utf8' })
      .map((file) => file.split(path.sep).join('/'))
      .filter((file) => file.endsWith('.js') || file.endsWith('.d.ts'));
  const scripts = () => files.filter((file) => file.endsWith('.js'));

  it('has each module of the library with its declarations, and nothing else of it', () => {
    const own = files.filter((file) => !file.startsWith('bundled/'));
    const modules = namesIn('dist').filter((file) => !isOfCommand(file));
    expect(own.toSorted()).toEqual(modules.toSorted());
    expect(JSON.parse(read('cjs/package.json'))).toEqual({ type: 'commonjs' });
  });

  it('has no import.meta, which Jest cannot parse in CommonJS', () => {
    expect(scripts().filter((file) => /\bimport\s*\.\s*meta\b/.test(withoutComments(read(`cjs/${file}`))))).toEqual([]);
  });

  it('has no import of any kind, which Jest cannot follow from CommonJS', () => {
    const found = scripts().filter((file) =>
      /\bimport\s*\(|^\s*(import|export)\b/m.test(withoutComments(read(`cjs/${file}`))),
    );
    expect(found).toEqual([]);
  });

  it('requires only its own files, Node.js and what the manifest names', () => {
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string> | undefined>;
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    const inCopy = declared.filter((name) => !['jose', 'oauth4webapi', 'openid-client'].includes(name));
    const foreign = scripts().flatMap((file) =>
      [...withoutComments(read(`cjs/${file}`)).matchAll(/\brequire\("([^"]+)"\)/g)]
        .map(([, name = '']) => name)
        .filter((name) => !name.startsWith('.') && !isBuiltin(name) && !inCopy.includes(name)),
    );
    expect([...new Set(foreign)]).toEqual([]);
  });

  it('keeps the licence of each package that it brings', () => {
    const bundled = new Set(files.flatMap((file) => /^bundled\/([^/]+)\//.exec(file)?.[1] ?? []));
    expect([...bundled].toSorted()).toEqual(
      library.name === 'nestjs-nowgg-auth' ? ['jose', 'oauth4webapi', 'openid-client'] : [],
    );
    for (const name of bundled) {
      expect(read(`cjs/bundled/${name}/LICENSE.md`)).toMatch(/MIT License[\s\S]*Copyright/);
      expect(read('cjs/bundled/README.md')).toMatch(new RegExp(`^- ${name} \\d+\\.\\d+\\.\\d+, MIT, https://`, 'm'));
    }
  });
});

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
