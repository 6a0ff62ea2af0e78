#!/usr/bin/env node
// Publishes the packages whose version is not published yet, and writes an SBOM of each. See RELEASING.md.
//   npm run release -- [--dry-run] [--no-provenance] [--repository FILE]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.resolve(import.meta.dirname, '..');
const LIBRARIES = ['nowgg-auth-client', 'nowgg-emulator', 'nowgg-auth'];
const { values } = parseArgs({
  options: {
    'dry-run': { type: 'boolean', default: false },
    provenance: { type: 'boolean', default: true },
    repository: { type: 'string', default: 'tools/repository.json' },
  },
  allowNegative: true,
});

function npm(args, { capture = false } = {}) {
  const stdio = ['ignore', capture ? 'pipe' : 'inherit', 'inherit'];
  const { status, stdout } = spawnSync('npm', args, { cwd: root, encoding: 'utf8', stdio, maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed`);
  return stdout ?? '';
}

function readJson(file) {
  return JSON.parse(readFileSync(path.resolve(root, file), 'utf8'));
}

/** The address of the public repository. @throws Error while there is none */
function repositoryUrl() {
  const { url } = readJson(values.repository);
  if (!/^https:\/\/[a-z0-9.-]+\/[\w.-]+\/[\w.-]+$/.test(url)) {
    throw new Error(`${values.repository} does not name the public repository, such as https://github.com/owner/name`);
  }
  return url;
}

/** @throws Error while changes have not become a version */
function checkChanges() {
  const waiting = readdirSync(path.join(root, '.changeset')).filter((name) => /^(?!README).*\.md$/.test(name));
  if (waiting.length > 0) throw new Error(`npm run release:version first: ${waiting.join(', ')}`);
}

/** Adds what needs the address of the repository to a package.json. Only the checkout of the release has it. */
function addLinks(folder, url) {
  const file = `${folder}/package.json`;
  const links = {
    repository: { type: 'git', url: `git+${url}.git`, directory: folder },
    homepage: `${url}/tree/main/${folder}#readme`,
    bugs: `${url}/issues`,
  };
  writeFileSync(path.join(root, file), `${JSON.stringify({ ...readJson(file), ...links }, null, 2)}\n`);
}

/** The packages whose files the CommonJS copy of a library contains, as components of an SBOM. */
function bundledIn(folder) {
  const list = path.join(root, folder, 'cjs/bundled/README.md');
  if (!existsSync(list)) return [];
  const lines = readFileSync(list, 'utf8').split('\n');
  return lines
    .filter((line) => line.startsWith('- '))
    .map((line) => line.slice(2).split(/[ ,]+/))
    .map(([name, version, id]) => {
      const purl = `pkg:npm/${name}@${version}`;
      return { 'bom-ref': purl, type: 'library', name, version, purl, licenses: [{ license: { id } }] };
    });
}

function isPublished({ name, version }) {
  const { status, stdout } = spawnSync('npm', ['view', `${name}@${version}`, 'version'], { encoding: 'utf8' });
  return status === 0 && stdout.trim() === version;
}

try {
  const url = repositoryUrl();
  checkChanges();
  npm(['run', '--silent', 'build']);
  mkdirSync(path.join(root, 'release'), { recursive: true });
  for (const library of LIBRARIES) {
    const folder = `libs/${library}`;
    addLinks(folder, url);
    const { name, version } = readJson(`${folder}/package.json`);
    const flagsOfSbom = ['--sbom-format=cyclonedx', '--omit=dev', `--workspace=${name}`];
    const sbom = JSON.parse(npm(['sbom', ...flagsOfSbom], { capture: true }));
    sbom.components.push(...bundledIn(folder));
    writeFileSync(path.join(root, `release/${name}-${version}.cdx.json`), `${JSON.stringify(sbom, null, 2)}\n`);
    if (isPublished({ name, version })) {
      console.log(`${name} ${version} is published already`);
      continue;
    }
    const flags = [...(values['dry-run'] ? ['--dry-run'] : []), ...(values.provenance ? ['--provenance'] : [])];
    npm(['publish', `--workspace=${name}`, '--access=public', ...flags]);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
