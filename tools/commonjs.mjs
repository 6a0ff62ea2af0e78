// Makes the CommonJS copy of a built library, for tools that cannot load ES modules: Jest in its default configuration.
// Each compiled file is converted by itself, so that both copies run the same code. Declarations are copied, because
// below `cjs`, whose package.json says `commonjs`, a compiler reads them as those of CommonJS modules.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { transformSync } from '@swc/core';

/** Packages without a CommonJS form: the copy takes the files that it needs with it. */
const esmOnly = ['jose', 'oauth4webapi', 'openid-client'];

/** Commands are started by Node.js itself, which loads ES modules. */
const commands = 'cli';

/**
 * Writes `cjs` from `dist`.
 * @param {string} folder of the library
 */
export function buildCommonJs(folder) {
  const [from, to] = [path.resolve(folder, 'dist'), path.resolve(folder, 'cjs')];
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  writeFileSync(path.join(to, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);
  const bundle = new Bundle(path.join(to, 'bundled'));
  for (const name of readdirSync(from, { recursive: true })) {
    if (name.split(path.sep)[0] === commands) continue;
    const [source, target] = [path.join(from, name), path.join(to, name)];
    if (name.endsWith('.d.ts')) write(target, withoutMap(readFileSync(source, 'utf8')));
    else if (name.endsWith('.js')) write(target, bundle.adopt(toCommonJs(source), source, target));
  }
  bundle.writeLicenses();
}

/** The files of packages without a CommonJS form that a library reaches. */
class Bundle {
  #folder;
  /** Where each file went, by where it came from. */
  #taken = new Map();
  #packages = new Map();

  constructor(folder) {
    this.#folder = folder;
  }

  /** Takes what the code at `source` loads of those packages, and lets the code load it from there. */
  adopt(code, source, target) {
    return code.replace(/\brequire\("([^"]+)"\)/g, (call, name) => {
      const inside = this.#taken.has(source) && name.startsWith('.');
      if (!inside && !esmOnly.includes(name.split('/')[0])) return call;
      const taken = this.#take(createRequire(source).resolve(name));
      const relative = path.relative(path.dirname(target), taken).replaceAll(path.sep, '/');
      return `require("${relative.startsWith('.') ? relative : `./${relative}`}")`;
    });
  }

  #take(source) {
    const known = this.#taken.get(source);
    if (known) return known;
    const { root, name } = packageOf(source);
    this.#packages.set(name, root);
    const target = path.join(this.#folder, name, path.relative(root, source));
    this.#taken.set(source, target);
    write(target, this.adopt(toCommonJs(source), source, target));
    return target;
  }

  writeLicenses() {
    for (const [name, root] of this.#packages) {
      const license = readdirSync(root).find((file) => /^licen[cs]e/i.test(file));
      if (!license) throw new Error(`${name} has no licence file, so it cannot be part of a package`);
      cpSync(path.join(root, license), path.join(this.#folder, name, 'LICENSE.md'));
    }
    if (this.#packages.size === 0) return;
    const manifests = [...this.#packages.values()].map((root) => readFileSync(path.join(root, 'package.json'), 'utf8'));
    const rows = manifests
      .map((text) => JSON.parse(text))
      .map(({ name, version, license, homepage }) => `- ${name} ${version}, ${license}, ${homepage}`)
      .toSorted();
    write(path.join(this.#folder, 'README.md'), `# Packages in the CommonJS copy\n\n${rows.join('\n')}\n`);
  }
}

function toCommonJs(file) {
  const { code } = transformSync(readFileSync(file, 'utf8'), {
    filename: file,
    swcrc: false,
    configFile: false,
    sourceMaps: false,
    module: { type: 'commonjs', strict: true },
    jsc: { target: 'es2023', parser: { syntax: 'ecmascript' } },
  });
  return withoutMap(code);
}

const withoutMap = (text) => text.replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n');

function packageOf(file) {
  let root = path.dirname(file);
  while (!existsSync(path.join(root, 'package.json'))) root = path.dirname(root);
  return { root, name: JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).name };
}

function write(file, text) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}
