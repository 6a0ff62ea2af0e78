import { availableProjects } from './test/support/available-projects.js';

/** One Jest project per ring of tests; a project whose service is missing is left out with a printed line. */
export default {
  projects: availableProjects(),
  coverageProvider: 'v8',
};
