import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** Packs the built libraries as they would be published, once for all suites. The tarballs are passed on in the environment. */
export default function packLibraries() {
  const folder = mkdtempSync(path.join(tmpdir(), 'nowgg-tarballs-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const args = ['pack', '--json', '--loglevel=error', '--pack-destination', folder];
  const libraries = ['-w', 'nestjs-nowgg-auth', '-w', 'nowgg-emulator'];
  const { status, stdout, stderr } = spawnSync('npm', [...args, ...libraries], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
  process.env.NOWGG_TARBALL_FOLDER = folder;
  process.env.NOWGG_PACKED = stdout;
}
