import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { builtExports, publicApiReports } from '../../tools/public-api.mjs';
import { root } from './markdown.js';

describe('docs/public-api', () => {
  let reports: ReturnType<typeof publicApiReports>;
  beforeAll(() => {
    reports = publicApiReports();
  }, 180_000);

  it('has a file for every entry point that the packages export, and no other', () => {
    const files = reports.map(({ file }) => path.basename(file));
    expect(readdirSync(path.join(root, 'docs/public-api')).toSorted()).toEqual(files.toSorted());
  });

  it('records each exported name with the signature that it has: a change is made with npm run api:update', () => {
    for (const { file, text } of reports) expect(text).toBe(readFileSync(path.join(root, file), 'utf8'));
  });

  it('names exactly what the built packages export at run time', () => {
    execFileSync(process.execPath, [path.join(root, 'tools/build.mjs')]);
    for (const { importName, values } of reports) expect(builtExports(importName)).toEqual(values);
  }, 180_000);
});
