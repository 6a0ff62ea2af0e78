import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { runSample } from './run-sample.js';

if (existsSync('.env')) process.loadEnvFile('.env');
// Everything is closed by now; a connection that a failed start has left must not keep the process.
process.exit(await runSample(process.env));
