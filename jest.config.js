import { availableParallelism } from 'node:os';
import { availableProjects } from './test/support/available-projects.js';

/** One Jest project per ring of tests; a project whose service is missing is left out with a printed line. */
export default {
  projects: availableProjects(),
  coverageProvider: 'v8',
  // No test measures time: the limit is there for hangs, and a loaded machine must not reach it.
  testTimeout: 60_000,
  // Jest leaves one core to itself; on two cores that would be half of the machine.
  maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
  // What a file has loaded is never released by its worker: without a limit it grows to gigabytes, which V8 searches again
  // and again.
  workerIdleMemoryLimit: '1GB',
};
