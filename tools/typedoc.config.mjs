import path from 'node:path';
import { entryPoints } from './public-api.mjs';

/** The API reference: every entry point that the packages export, no warnings. @type {import('typedoc').TypeDocOptions} */
export default {
  name: 'nestjs-nowgg-auth',
  entryPoints: entryPoints().map(({ source }) => path.posix.join('..', source)),
  tsconfig: './tsconfig.docs.json',
  out: '../docs/api',
  readme: 'none',
  disableGit: true,
  gitRevision: 'main',
  sourceLinkTemplate: '../../{path}#L{line}',
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  hideGenerator: true,
  githubPages: false,
  validation: { notExported: true, invalidLink: true, invalidPath: true, notDocumented: false, rewrittenLink: false },
  treatWarningsAsErrors: true,
};
