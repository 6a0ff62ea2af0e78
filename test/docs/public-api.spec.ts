import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { publicApiReports } from '../../tools/public-api.mjs';
import { root } from './markdown.js';

describe('docs/public-api', () => {
  let reports: { file: string; text: string }[];
  beforeAll(() => {
    reports = publicApiReports();
  }, 60_000);

  it('covers every entry point that the packages export', () => {
    const files = reports.map(({ file }) => path.basename(file, '.md'));
    const exported = ['nowgg-auth', 'nowgg-emulator'].flatMap((lib) => {
      const manifest = readFileSync(path.join(root, 'libs', lib, 'package.json'), 'utf8');
      const { name, exports } = JSON.parse(manifest) as { name: string; exports: Record<string, unknown> };
      const subpaths = Object.keys(exports).filter((subpath) => subpath !== './package.json');
      return subpaths.map((subpath) => path.posix.join(name, subpath).replaceAll('/', '-'));
    });
    expect(files.toSorted()).toEqual(exported.toSorted());
  });

  it('records each exported name with the signature that it has: a change is made with npm run api:update', () => {
    for (const { file, text } of reports) expect(text).toBe(readFileSync(path.join(root, file), 'utf8'));
  });
});
