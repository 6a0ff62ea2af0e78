import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const workspace = path.resolve(import.meta.dirname, '../..');

export interface SourceProcessOptions {
  readonly args?: readonly string[];
  /** Environment variables; nothing else of the test's own environment but what a program needs to run. */
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeOptions?: readonly string[];
}

/** Runs a TypeScript file of the workspace in a process of its own, to its end. @throws when it fails */
export async function runSource(file: string, options: SourceProcessOptions = {}) {
  const { args = [], env = {}, nodeOptions = [] } = options;
  const { PATH = '', HOME = '', TMPDIR = '' } = process.env;
  const loader = ['--conditions=@nowgg/source', '--import', '@swc-node/register/esm-register'];
  return promisify(execFile)(process.execPath, [...nodeOptions, ...loader, path.join(workspace, file), ...args], {
    cwd: workspace,
    env: { PATH, HOME, TMPDIR, ...env },
    maxBuffer: 2 ** 26,
  });
}
