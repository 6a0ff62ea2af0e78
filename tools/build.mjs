#!/usr/bin/env node
// Builds the libraries with tsc (two packages, no order between them) and then the sample app with the Nest CLI.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

const run = (command, args) => {
  const { status } = spawnSync(command, args, { stdio: 'inherit', shell: false });
  if (status !== 0) process.exit(status ?? 1);
};
for (const lib of ['nowgg-auth', 'nowgg-emulator']) {
  rmSync(`libs/${lib}/dist`, { recursive: true, force: true });
  run('node_modules/.bin/tsc', ['-p', `libs/${lib}/tsconfig.build.json`]);
}
run('node_modules/.bin/nest', ['build', 'sample']);
