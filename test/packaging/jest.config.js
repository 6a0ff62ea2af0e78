import { project } from '../support/available-projects.js';

/** The packed libraries in applications of their own. Apart from the other projects: it installs from a registry. */
export default {
  projects: [{ ...project('packages', ['test/packaging/**/*.spec.ts']) }],
  globalSetup: import.meta.resolve('./pack-libraries.mjs').replace('file://', ''),
  testTimeout: 60_000,
  maxWorkers: 2,
};
