import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const folder = path.resolve(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};

/** Names of the packages that a source imports. */
function importedBy(text: string): string[] {
  const specifiers = [...text.matchAll(/(?:from |import |import\(|packageName: string = )'([^'.][^']*)'/g)];
  return specifiers.map(([, specifier = '']) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
}

describe('the manifest of the sample', () => {
  it('names every package that its sources import, so that the folder can be copied out', () => {
    const files = readdirSync(path.join(folder, 'src'), { recursive: true, encoding: 'utf8' });
    const sources = files.filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'));
    const imported = sources.flatMap((name) => importedBy(readFileSync(path.join(folder, 'src', name), 'utf8')));
    const packages = new Set(imported.filter((name) => !name.startsWith('node:') && !builtinModules.includes(name)));
    expect(packages).toContain('oidc-provider');
    expect([...packages].filter((name) => !Object.hasOwn(manifest.dependencies, name))).toEqual([]);
  });

  it('has the versions that the workspace is tested with', () => {
    const root = JSON.parse(readFileSync(path.join(folder, '../../package.json'), 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    const differing = Object.entries(manifest.dependencies).filter(
      ([name, range]) => root.devDependencies[name] !== undefined && root.devDependencies[name] !== range,
    );
    expect(differing).toEqual([]);
  });
});
