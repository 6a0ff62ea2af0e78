#!/usr/bin/env node
// The one test command: Jest in ESM mode. `--short` leaves out the files *.long.spec.ts, and `--long` runs only these;
// with the path of a file neither applies. All other arguments are passed on to Jest.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { missingProjects } from '../test/support/available-projects.js';

for (const line of missingProjects()) console.log(line);
const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const nodeOptions = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const given = process.argv.slice(2);
const forms = ['--short', '--long'].filter((name) => given.includes(name));
const rest = given.filter((argument) => !forms.includes(argument));
const named = rest.some((argument) => /^[^-].*\//.test(argument));
const { status } = spawnSync(process.execPath, [...nodeOptions, jest, ...rest], {
  stdio: 'inherit',
  env: { ...process.env, ...(!named && forms[0] && { NOWGG_TEST_FORM: forms[0].slice(2) }) },
});
process.exit(status ?? 1);
