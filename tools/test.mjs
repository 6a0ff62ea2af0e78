#!/usr/bin/env node
// The one test command: Jest in ESM mode. Arguments are passed on to Jest.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { missingProjects } from '../test/support/available-projects.js';

for (const line of missingProjects()) console.log(line);
const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const nodeOptions = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const { status } = spawnSync(process.execPath, [...nodeOptions, jest, ...process.argv.slice(2)], { stdio: 'inherit' });
process.exit(status ?? 1);
