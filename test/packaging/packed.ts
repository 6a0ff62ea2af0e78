import { readFileSync } from 'node:fs';
import path from 'node:path';

/** One library as `npm pack` describes it. */
export interface PackedLibrary {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** The libraries that the global setup has packed. */
export function packedLibraries(): PackedLibrary[] {
  return JSON.parse(readFileSync(fromSetup('NOWGG_PACKED'), 'utf8')) as PackedLibrary[];
}

export function tarballOf({ filename }: PackedLibrary): string {
  return path.join(fromSetup('NOWGG_TARBALL_FOLDER'), filename);
}

function fromSetup(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run this project with npm run test:packages`);
  return value;
}
