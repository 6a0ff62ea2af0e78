import { existsSync, readdirSync } from 'node:fs';

/** Where Debian and the official images keep the PostgreSQL server programs; PATH is asked too. */
export function hasPostgresServer() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).map((v) => `${debian}/${v}/bin`) : [];
  const onPath = (process.env.PATH ?? '').split(':');
  return [...versions, ...onPath].some((dir) => existsSync(`${dir}/initdb`) && existsSync(`${dir}/pg_ctl`));
}

/** Debian's Chromium, which playwright-core drives; `undefined` when it is not installed. */
export function chromiumPath() {
  return ['/usr/bin/chromium'].find((file) => existsSync(file));
}

function hasRedisServer() {
  return (process.env.PATH ?? '').split(':').some((dir) => existsSync(`${dir}/redis-server`));
}

/** Debian installs the pooler among the system programs, which are not on every PATH. */
export function pgBouncerPath() {
  return ['/usr/sbin/pgbouncer', '/usr/local/bin/pgbouncer', '/usr/bin/pgbouncer'].find((file) => existsSync(file));
}

/** Debian installs the web server among the system programs too. */
export function nginxPath() {
  return ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find((file) => existsSync(file));
}

/** Prometheus and Alertmanager with their tools, from Debian. */
function hasPrometheus() {
  const onPath = (process.env.PATH ?? '').split(':');
  return ['prometheus', 'promtool', 'prometheus-alertmanager', 'amtool'].every((name) =>
    onPath.some((dir) => existsSync(`${dir}/${name}`)),
  );
}

/**
 * How SWC compiles sources for a test, and for the processes that it starts.
 *
 * @type {import('@swc/core').Options}
 */
export const SWC_OPTIONS = {
  swcrc: false,
  sourceMaps: 'inline',
  module: { type: 'es6' },
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
    keepClassNames: true,
  },
};

const base = {
  rootDir: new URL('../..', import.meta.url).pathname,
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@nowgg/source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  setupFiles: ['reflect-metadata'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': ['$1.js', '$1.ts'] },
  modulePathIgnorePatterns: ['<rootDir>/libs/[^/]+/(?:cjs|dist)', '<rootDir>/apps/[^/]+/dist'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', SWC_OPTIONS],
  },
};

/** Which spec files run: `short` without `*.long.spec.ts`, `long` only these, `all` both. */
const form = process.env.NOWGG_TEST_FORM ?? 'all';

/**
 * @param {string} name shown by Jest
 * @param {string[]} testMatch ends in `*.spec.ts`
 * @param {string[]} except patterns of files that another project runs
 */
export const project = (name, testMatch, except = []) => ({
  ...base,
  displayName: name,
  testMatch: testMatch.map((m) => `<rootDir>/${form === 'long' ? m.replace(/\.spec\.ts$/, '.long.spec.ts') : m}`),
  testPathIgnorePatterns: ['/node_modules/', ...except, ...(form === 'short' ? ['\\.long\\.spec\\.ts$'] : [])],
});

/** The Jest projects that can run on this machine. */
export function availableProjects() {
  const projects = [
    project(
      'unit',
      ['libs/*/src/**/*.spec.ts', 'apps/*/src/**/*.spec.ts', 'test/schematics/*.spec.ts', 'tools/**/*.spec.ts'],
      ['\\.app\\.(long\\.)?spec\\.ts$'],
    ),
    project('app', ['libs/*/src/**/*.app.spec.ts', 'apps/*/src/**/*.app.spec.ts']),
    project('e2e', ['test/e2e/**/*.spec.ts', 'test/contracts/**/*.spec.ts']),
    project('oauth2', ['test/oauth2/**/*.spec.ts']),
    project('docs', ['test/docs/**/*.spec.ts']),
    project('client', ['test/client/*.spec.ts']),
  ];
  if (nginxPath()) projects.push(project('nginx', ['test/nginx/**/*.spec.ts']));
  if (hasPostgresServer()) projects.push(project('postgres', ['test/postgres/**/*.spec.ts']));
  if (hasPostgresServer() && pgBouncerPath()) projects.push(project('pgbouncer', ['test/pgbouncer/**/*.spec.ts']));
  if (hasRedisServer()) projects.push(project('redis', ['test/redis/**/*.spec.ts']));
  if (hasPostgresServer() && hasRedisServer()) projects.push(project('faults', ['test/faults/**/*.spec.ts']));
  if (hasPostgresServer() && hasRedisServer() && hasPrometheus()) {
    projects.push(project('drills', ['test/drills/**/*.spec.ts']));
  }
  if (chromiumPath()) {
    projects.push(project('chromium', ['test/client/chromium/**/*.spec.ts']));
    projects.push(project('browser', ['test/browser/**/*.spec.ts']));
  }
  return projects;
}

/** One line for each project that is left out, for the test command to print. */
export function missingProjects() {
  const missing = [];
  if (!nginxPath()) missing.push('LEFT OUT: project "nginx" needs the program nginx');
  if (!hasPostgresServer()) {
    missing.push('LEFT OUT: project "postgres" needs the PostgreSQL server programs (initdb, pg_ctl)');
  }
  if (!hasPostgresServer() || !pgBouncerPath()) {
    missing.push('LEFT OUT: project "pgbouncer" needs the PostgreSQL server programs and PgBouncer');
  }
  if (!hasRedisServer()) missing.push('LEFT OUT: project "redis" needs the program redis-server');
  if (!hasPostgresServer() || !hasRedisServer()) {
    missing.push('LEFT OUT: project "faults" needs the PostgreSQL server programs and redis-server');
  }
  if (!hasPostgresServer() || !hasRedisServer() || !hasPrometheus()) {
    missing.push(
      'LEFT OUT: project "drills" needs the PostgreSQL server programs, redis-server, prometheus and prometheus-alertmanager',
    );
  }
  if (!chromiumPath()) {
    missing.push('LEFT OUT: projects "chromium" and "browser" need the program /usr/bin/chromium');
  }
  return missing;
}
