#!/usr/bin/env node
// Checks the files that git would publish: no address of a registry, no path of one machine, a lock file that installs
// from anywhere. Tracked files and files that are about to be tracked are read.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

function registryHosts() {
  const configured = run('npm', ['config', 'get', 'registry', '--loglevel=error']).trim();
  return [new URL(configured).host, ...['npmjs.org', 'yarnpkg.com'].map((domain) => `registry.${domain}`)];
}

/** Path of one machine: alone or before a slash; `network/work` and `workers` are not such paths. */
const machinePath = new RegExp(String.raw`(?<![\w./-])/(?:${['work', 'tmp/bash_jobs'].join('|')})(?:\.\w+)?(?![\w-])`);

function findingsIn(file, hosts) {
  const content = readFileSync(path.join(root, file));
  if (content.includes(0)) return [];
  return content
    .toString('utf8')
    .split('\n')
    .flatMap((line, index) => {
      const where = `${file}:${index + 1}`;
      const found = [];
      if (hosts.some((host) => line.includes(host))) found.push(`${where}: names a package registry`);
      if (machinePath.test(line)) found.push(`${where}: names a path of one machine`);
      if (file.endsWith('package-lock.json') && /"resolved": "https?:/.test(line))
        found.push(`${where}: a lock to one host`);
      return found;
    });
}

const listed = run('git', [
  '-c',
  `safe.directory=${root}`,
  'ls-files',
  '-z',
  '--cached',
  '--others',
  '--exclude-standard',
]);
const deleted = new Set(run('git', ['-c', `safe.directory=${root}`, 'ls-files', '-z', '--deleted']).split('\0'));
const files = listed.split('\0').filter((file) => file !== '' && !deleted.has(file));
const hosts = registryHosts();
const findings = files.flatMap((file) => findingsIn(file, hosts));
for (const finding of findings) console.error(finding);
console.log(`${files.length} files read, ${findings.length} findings`);
process.exitCode = findings.length > 0 ? 1 : 0;
