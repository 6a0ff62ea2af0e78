import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { minifySync, transformSync } from '@swc/core';

const folder = path.resolve(import.meta.dirname, '../../libs/nowgg-auth-client');
const relativeImport = /(?:import|export)[^;]*?from ?['"]\.\/([\w-]+)\.js['"];?/g;

/** The modules that a bundler would take in, in the order in which they run, in one scope. */
function bundle(): string {
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
  const exported = [...readFileSync(path.join(folder, 'src/index.ts'), 'utf8').matchAll(/\b(?:configure|\w+Error)\b/g)];
  return `${add('index')}\nexport { ${exported.map(([name]) => name).join(', ')} };`;
}

describe('nowgg-auth-client', () => {
  it('is below 5 KB, minified and gzipped', async () => {
    const { code } = minifySync(bundle(), { module: true, compress: { passes: 3 }, mangle: { toplevel: true } });
    const entry = `data:text/javascript,${encodeURIComponent(code)}`;
    expect(Object.keys((await import(entry)) as object)).toContain('configure');
    expect(gzipSync(code, { level: 9 }).byteLength).toBeLessThan(5_120);
  });

  it('depends on nothing', () => {
    const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
    for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies'])
      expect(manifest[kind]).toBeUndefined();
    expect(bundle()).not.toMatch(/\bimport\b|\brequire\b/);
  });
});
