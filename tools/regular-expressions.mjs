#!/usr/bin/env node
// Compares the list of regular expressions with the sources; with --update it writes the list.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LIST, report } from './regular-expressions/report.mjs';

const file = path.resolve(import.meta.dirname, '..', LIST);
const text = report();
if (process.argv.includes('--update')) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error(`${LIST} is out of date: node tools/regular-expressions.mjs --update`);
  process.exitCode = 1;
}
