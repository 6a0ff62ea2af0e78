#!/usr/bin/env node
// Adds up Jest's result files and prints the totals as the last line. A skipped test, a suite that could not run, and
// a run without any test are failures too.
import { existsSync, readFileSync } from 'node:fs';

const runs = process.argv
  .slice(2)
  .filter((file) => existsSync(file))
  .map((file) => JSON.parse(readFileSync(file, 'utf8')));
const sum = (field) => runs.reduce((total, run) => total + run[field], 0);

const passed = sum('numPassedTests');
// A suite that fails to load has no tests to count; it counts as one.
const failed = sum('numFailedTests') + sum('numRuntimeErrorTestSuites');
const skipped = sum('numPendingTests') + sum('numTodoTests');
if (skipped > 0) console.log(`${skipped} tests were skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || skipped > 0 || passed === 0 ? 1 : 0;
