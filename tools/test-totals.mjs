#!/usr/bin/env node
// Adds up Jest's result files and prints the totals as the last line. A skipped test, a suite that could not run, a
// spec that no project picked up, and a run without any test are failures too.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const runs = process.argv
  .slice(2)
  .filter((file) => existsSync(file))
  .map((file) => JSON.parse(readFileSync(file, 'utf8')));
const sum = (field) => runs.reduce((total, run) => total + run[field], 0);

const passed = sum('numPassedTests');
// A suite that fails to load has no tests to count, so the suite counts as one.
const failed = sum('numFailedTests') + sum('numRuntimeErrorTestSuites');
const skipped = sum('numPendingTests') + sum('numTodoTests');

const root = path.resolve(import.meta.dirname, '..');
const git = ['-c', `safe.directory=${root}`, 'ls-files', '-z', '*.spec.ts'];
const specs = spawnSync('git', git, { cwd: root, encoding: 'utf8' }).stdout.split('\0').filter(Boolean);
const ran = new Set(runs.flatMap((run) => run.testResults.map((suite) => path.relative(root, suite.name))));
const forgotten = specs.filter((spec) => !ran.has(spec));
for (const spec of forgotten) console.log(`${spec} did not run`);
if (skipped > 0) console.log(`${skipped} tests were skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || skipped > 0 || forgotten.length > 0 || passed === 0 ? 1 : 0;
