#!/usr/bin/env node
// Builds the changed parts: the libraries with tsc, as ES modules and as CommonJS (no order between them), the sample app with the Nest CLI. Several
// builds at once wait for each other, so that tests and a person may both ask for one.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { buildCommonJs } from './commonjs.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const cache = 'node_modules/.cache/nowgg-build';
const bin = (name) => path.join('node_modules', '.bin', process.platform === 'win32' ? `${name}.cmd` : name);
const tsc = (folder) => ({
  folder,
  inputs: [`${folder}/src`, `${folder}/package.json`, `${folder}/tsconfig.build.json`],
  product: 'cjs/index.js',
  build: () => {
    run(bin('tsc'), ['-p', `${folder}/tsconfig.build.json`]);
    buildCommonJs(folder);
  },
});
const targets = [
  tsc('libs/nowgg-auth'),
  tsc('libs/nowgg-auth-client'),
  tsc('libs/nowgg-emulator'),
  {
    folder: 'apps/sample',
    inputs: ['apps/sample/src', 'apps/sample/.swcrc', 'apps/sample/tsconfig.app.json', 'nest-cli.json'],
    product: 'dist/main.js',
    build: () => {
      run(bin('nest'), ['build', 'sample']);
      // Nest's SWC builder keeps the source root in the output of a monorepo's app; this file is the short path of the
      // app.
      writeFileSync('apps/sample/dist/main.js', `import './apps/sample/src/main.js';\n`);
    },
  },
];

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) throw new Error(`${path.basename(command)} ${args.join(' ')} failed`);
}

/** Changes with every file that the build reads: names, sizes and times. */
function fingerprint(inputs) {
  const hash = createHash('sha256');
  const visit = (entry) => {
    const stat = statSync(entry, { throwIfNoEntry: false });
    if (!stat) return;
    if (stat.isDirectory()) for (const name of readdirSync(entry).toSorted()) visit(path.join(entry, name));
    else hash.update(`${entry}\0${stat.size}\0${stat.mtimeMs}\n`);
  };
  for (const input of ['package-lock.json', 'tsconfig.base.json', 'tools/build.mjs', 'tools/commonjs.mjs', ...inputs])
    visit(input);
  return hash.digest('hex');
}

function buildIfChanged({ folder, inputs, product, build }) {
  const stamp = path.join(cache, `${folder.replaceAll('/', '-')}.txt`);
  const now = fingerprint(inputs);
  const isCurrent = existsSync(stamp) && existsSync(path.join(folder, product)) && readFileSync(stamp, 'utf8') === now;
  if (isCurrent) return;
  rmSync(stamp, { force: true });
  rmSync(`${folder}/dist`, { recursive: true, force: true });
  build();
  writeFileSync(stamp, now);
}

/** Takes the lock: only one process can create a directory. The lock of a process that has ended is removed. */
async function lock() {
  const folder = path.join(cache, 'lock');
  for (;;) {
    try {
      mkdirSync(folder);
      writeFileSync(path.join(folder, 'pid'), String(process.pid));
      return () => rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(folder)) rmSync(folder, { recursive: true, force: true });
    else await wait(100);
  }
}

function isAbandoned(folder) {
  try {
    const pid = Number(readFileSync(path.join(folder, 'pid'), 'utf8'));
    if (pid > 0) process.kill(pid, 0);
    return false;
  } catch (error) {
    if (error.code === 'ESRCH') return true;
    // No pid in it: just created, or its creator was killed in between.
    const age = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    return error.code === 'ENOENT' && age > 10_000;
  }
}

mkdirSync(cache, { recursive: true });
const unlock = await lock();
try {
  if (process.argv.includes('--force'))
    for (const name of readdirSync(cache)) if (name.endsWith('.txt')) rmSync(path.join(cache, name));
  for (const target of targets) buildIfChanged(target);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  unlock();
}
