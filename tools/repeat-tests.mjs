#!/usr/bin/env node
// Runs suites many times while busy loops compete for the processor: a test that assumes how fast something is fails here.
// Usage: npm run test:repeat -- [--times 30] [--busy 2] [paths of suites]
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';

const SUITES = [
  'test/postgres/refresh-processes',
  'test/postgres/exchange-processes',
  'test/postgres/refresh-faults',
  'test/postgres/refresh-outage',
  'test/pgbouncer/',
  'test/faults/',
  'test/redis/faults',
  'test/client/chromium/',
  'test/browser/',
];

const { values, positionals } = parseArgs({
  options: { times: { type: 'string', default: '30' }, busy: { type: 'string', default: '2' } },
  allowPositionals: true,
});
const [times, busy] = [values.times, values.busy].map(Number);
if (!Number.isInteger(times) || times < 1 || !Number.isInteger(busy) || busy < 0) {
  console.error('--times must be a whole number from 1, --busy one from 0');
  process.exit(2);
}
const suites = positionals.length > 0 ? positionals : SUITES;
const test = path.join(import.meta.dirname, 'test.mjs');

// A loop whose parent is gone ends.
const LOOP = 'const parent = process.ppid; while (process.ppid === parent);';
const loops = Array.from({ length: busy }, () => spawn(process.execPath, ['-e', LOOP], { stdio: 'ignore' }));
process.on('exit', () => {
  for (const loop of loops) loop.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

let failures = 0;
for (let round = 1; round <= times; round += 1) {
  const { status, stderr } = spawnSync(process.execPath, [test, ...suites], { encoding: 'utf8' });
  if (status !== 0) {
    failures += 1;
    console.log(stderr);
  }
  console.log(`round ${round} of ${times}: ${status === 0 ? 'passed' : 'FAILED'}, ${failures} failed so far`);
}
process.exit(failures > 0 ? 1 : 0);
