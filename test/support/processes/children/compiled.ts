import { copyFileSync, mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transformSync } from '@swc/core';
import { SWC_OPTIONS } from '../../available-projects.js';

const ROOT = join(import.meta.dirname, '../../../..');
const SOURCES = ['libs/nowgg-auth/src', 'test/support'];

let compiled: string | undefined;

/**
 * Where a program of this folder stands as JavaScript. All sources are compiled once for a test file, because a process
 * that compiles for itself takes seconds to start; {@link removeCompiled} ends it.
 */
export function compiledProgram(name: string): string {
  return compiledFile(`test/support/processes/children/${name}.js`);
}

/** The same for any compiled file. @param path as in the workspace, but ending in .js */
export function compiledFile(path: string): string {
  compiled ??= compileAll();
  return join(compiled, path);
}

/** Deletes the copy. */
export function removeCompiled(): void {
  if (compiled !== undefined) rmSync(compiled, { recursive: true, force: true });
  compiled = undefined;
}

function compileAll(): string {
  // Below node_modules, so that the packages are found from there.
  const cache = join(ROOT, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const target = mkdtempSync(join(cache, 'nowgg-children-'));
  writeFileSync(join(target, 'package.json'), '{ "type": "module" }');
  for (const source of SOURCES) {
    for (const file of readdirSync(join(ROOT, source), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts') || file.endsWith('.spec.ts')) continue;
      const { code } = transformSync(readFileSync(join(ROOT, source, file), 'utf8'), {
        ...SWC_OPTIONS,
        filename: file,
      });
      const output = join(target, source, file.replace(/ts$/, 'js'));
      mkdirSync(dirname(output), { recursive: true });
      writeFileSync(output, code);
    }
  }
  const manifest = 'libs/nowgg-auth/package.json';
  copyFileSync(join(ROOT, manifest), join(target, manifest));
  return target;
}
