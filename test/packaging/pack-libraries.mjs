import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { installNodes } from './node-versions.mjs';

const root = path.resolve(import.meta.dirname, '../..');

/**
 * Builds and packs the libraries as they would be published, and installs the versions of Node.js that `NOWGG_NODES`
 * lists, once for all suites; the environment tells where.
 */
export default function packLibraries() {
  run('npm', ['run', '--silent', 'build']);
  const folder = mkdtempSync(path.join(tmpdir(), 'nowgg-tarballs-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const args = ['pack', '--json', '--loglevel=error', '--pack-destination', folder];
  const libraries = ['-w', 'nestjs-nowgg-auth', '-w', 'nowgg-auth-client', '-w', 'nowgg-emulator'];
  const packed = run('npm', [...args, ...libraries]);
  process.env.NOWGG_TARBALL_FOLDER = folder;
  // A file, because an environment variable has a longest length, which the names of all packed files come near.
  process.env.NOWGG_PACKED = path.join(folder, 'packed.json');
  writeFileSync(process.env.NOWGG_PACKED, packed);
  const wanted = (process.env.NOWGG_NODES ?? '').split(',').filter((range) => range !== '');
  process.env.NOWGG_NODE_FOLDERS = JSON.stringify(installNodes(wanted));
}

function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}
