#!/usr/bin/env node
// Compares docs/public-api with the current libraries, and their builds with it; with --update writes it.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { builtExports, publicApiReports } from './public-api.mjs';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.join(root, 'docs/public-api');
const reports = publicApiReports();
mkdirSync(folder, { recursive: true });
const recorded = new Map(
  readdirSync(folder).map((name) => [`docs/public-api/${name}`, readFileSync(path.join(folder, name), 'utf8')]),
);

if (process.argv.includes('--update')) {
  for (const { file, text } of reports) writeFileSync(path.join(root, file), text);
  for (const file of recorded.keys())
    if (!reports.some((report) => report.file === file)) rmSync(path.join(root, file));
} else {
  const changed = reports.filter(({ file, text }) => recorded.get(file) !== text).map(({ file }) => file);
  for (const file of changed)
    console.error(`${file} does not describe the code: read the change, then npm run api:update`);
  const wrong = reports.filter(({ importName, values }) => builtExports(importName).join() !== values.join());
  for (const { importName } of wrong) console.error(`the build of ${importName} does not export what its types say`);
  process.exitCode = changed.length + wrong.length > 0 ? 1 : 0;
}
