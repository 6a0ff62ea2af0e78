import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * Installs packages in a temporary folder, once: they are too large for the development dependencies.
 *
 * @param {readonly string[]} packages with their versions
 * @returns {string} the folder
 */
export function installedApart(packages) {
  const folder = path.join(tmpdir(), `nowgg-${packages.join('-').replaceAll(/[^a-z0-9.-]/g, '-')}`);
  if (existsSync(path.join(folder, 'node_modules'))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const flags = ['--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', ['install', ...flags, ...packages], { cwd: folder, stdio: 'inherit' });
  return folder;
}
