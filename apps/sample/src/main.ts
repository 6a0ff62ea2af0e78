import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { runSample } from './run-sample.js';

if (existsSync('.env')) process.loadEnvFile('.env');
// Everything is closed by now; a connection left by a failed start must not keep the process alive.
process.exit(await runSample(process.env));
