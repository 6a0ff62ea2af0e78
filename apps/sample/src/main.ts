import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { type Environment, EnvironmentError, readEnvironment } from './config/environment.js';

if (existsSync('.env')) process.loadEnvFile('.env');
const environment = environmentOf(process.env);
if (environment === undefined) process.exit(1);
// The rest is loaded after the environment was checked: that takes seconds. Everything is closed when it is over; a
// connection left by a failed start must not keep the process alive.
const { runSample } = await import('./run-sample.js');
process.exit(await runSample(environment));

/** The environment; undefined when it has faults, which are told. */
function environmentOf(variables: NodeJS.ProcessEnv): Environment | undefined {
  try {
    return readEnvironment(variables);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return undefined;
  }
}
