// Preloaded with --import: every import of an optional peer is a failure.
import { readFileSync } from 'node:fs';
import { Module, register } from 'node:module';

const { peerDependenciesMeta } = JSON.parse(readFileSync('node_modules/nestjs-nowgg-auth/package.json', 'utf8'));
const optional = Object.keys(peerDependenciesMeta);
const hooks = `
  const optional = new Set(${JSON.stringify(optional)});
  export async function resolve(specifier, context, next) {
    const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
    if (optional.has(name)) throw new Error('an optional peer was asked for: ' + name);
    return next(specifier, context);
  }`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const load = Module._load;
Module._load = function (request, ...rest) {
  const name = request
    .split('/')
    .slice(0, request.startsWith('@') ? 2 : 1)
    .join('/');
  if (optional.includes(name)) throw new Error(`an optional peer was asked for: ${name}`);
  return load.call(this, request, ...rest);
};
