import { describe, expect, it } from '@jest/globals';
import { packedLibraries } from './packed.js';

describe.each(packedLibraries())('the tarball of $name', ({ files }) => {
  const paths = files.map((file) => file.path);

  it('has licence, README and manifest', () => {
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
  });

  it('has the source of each compiled file, so that stack traces and definitions lead somewhere', () => {
    const compiled = paths.filter((path) => /^dist\/.*\.js$/.test(path));
    expect(compiled.length).toBeGreaterThan(0);
    for (const path of compiled) {
      const bare = path.slice('dist/'.length, -'.js'.length);
      expect(paths).toEqual(
        expect.arrayContaining([`src/${bare}.ts`, `dist/${bare}.d.ts`, `dist/${bare}.js.map`, `dist/${bare}.d.ts.map`]),
      );
    }
  });

  it('has nothing else: no tests, no helpers of tests, no build leftovers', () => {
    const expected =
      /^(LICENSE|README\.md|CHANGELOG\.md|package\.json|bin\/[\w-]+\.js|(src|dist)\/.+\.(ts|js|map)|(src|dist)\/.+\.html|schematics\/[\w-]+\.(js|json)|cjs\/package\.json|cjs\/.+\.(d\.ts|js)|cjs\/bundled\/(README|[\w-]+\/LICENSE)\.md|page\/[\w-]+\.(css|html|js|svg))$/;
    const unexpected = paths.filter(
      (path) => !expected.test(path) || /\.(spec|test|e2e)\b|__|testing-support|tsbuildinfo|fixtures?\//.test(path),
    );
    expect(unexpected).toEqual([]);
  });

  it('has no compiled file whose source is gone', () => {
    const sources = new Set(
      paths.filter((path) => path.startsWith('src/')).map((path) => path.slice(4, -'.ts'.length)),
    );
    const stale = paths.filter((path) => /^dist\/.*\.js$/.test(path) && !sources.has(path.slice(5, -'.js'.length)));
    expect(stale).toEqual([]);
  });
});
