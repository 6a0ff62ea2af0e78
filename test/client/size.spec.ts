import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { minifySync, transformSync } from '@swc/core';

const folder = path.resolve(import.meta.dirname, '../../libs/nowgg-auth-client');
const relativeImport = /(?:import|export)[^;]*?from ?['"]\.\/([\w-]+)\.js['"];?/g;

/** What the entry points export at run time. */
const exports = {
  index: /\b(?:configure|\w+Error)\b/g,
  sockets: /\bsocketAuth(?=\()/g,
  binding: /\bkeyBinding(?=\()/g,
};

type Entry = keyof typeof exports;

/** The modules that a bundler would take in for entry points, in the order in which they run, in one scope. */
function bundle(...entries: Entry[]): string {
  const seen = new Set<string>();
  const add = (name: string): string => {
    if (seen.has(name)) return '';
    seen.add(name);
    const jsc = { target: 'es2022', parser: { syntax: 'typescript' } } as const;
    const typed = readFileSync(path.join(folder, 'src', `${name}.ts`), 'utf8');
    const { code } = transformSync(typed, { swcrc: false, jsc });
    // Comments go first, as an import is searched for at any place.
    const plain = minifySync(code, { module: true, compress: false, mangle: false, format: { comments: false } }).code;
    const imported = [...plain.matchAll(relativeImport)].map(([, file]) => add(`${file}`)).join('\n');
    const own = plain.replace(relativeImport, ';').replaceAll(/(^|[;}])export (?=\w)/g, '$1');
    return `${imported}\n${own}`;
  };
  const exported = entries.flatMap((entry) => {
    const text = readFileSync(path.join(folder, 'src', `${entry}.ts`), 'utf8');
    return [...text.matchAll(exports[entry])].map(([name]) => name);
  });
  return `${entries.map(add).join('\n')}\nexport { ${[...new Set(exported)].join(', ')} };`;
}

/** The bundle as a browser gets it, which is loaded here to see that it works. */
async function minified(...entries: Entry[]) {
  const { code } = minifySync(bundle(...entries), {
    module: true,
    compress: { passes: 3 },
    mangle: { toplevel: true },
  });
  const names = Object.keys((await import(`data:text/javascript,${encodeURIComponent(code)}`)) as object);
  return { names, bytes: gzipSync(code, { level: 9 }).byteLength };
}

describe('nowgg-auth-client', () => {
  it('is below 5.5 KB, minified and gzipped', async () => {
    const { names, bytes } = await minified('index');
    expect(names).toContain('configure');
    expect(bytes).toBeLessThan(5_632);
  });

  it('adds at most 600 bytes for sockets, and nothing to a page without them', async () => {
    const { names, bytes } = await minified('sockets');
    expect(names).toEqual(['socketAuth']);
    expect(bytes).toBeLessThanOrEqual(600);
    expect(bundle('index')).not.toContain('nowgg:auth');
  });

  it('is at most 7 KB with key-bound sessions, which add nothing to a page without them', async () => {
    const { names, bytes } = await minified('index', 'binding');
    expect(names).toEqual(expect.arrayContaining(['configure', 'keyBinding']));
    expect(bytes).toBeLessThanOrEqual(7_168);
    for (const part of ['dpop+jwt', 'indexedDB']) expect(bundle('index')).not.toContain(part);
  });

  it('depends on nothing', () => {
    const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
    for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies'])
      expect(manifest[kind]).toBeUndefined();
    for (const entry of ['index', 'sockets', 'binding'] as const)
      expect(bundle(entry)).not.toMatch(/\bimport\b|\brequire\b/);
  });
});
