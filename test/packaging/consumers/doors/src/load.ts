// Loads one entry of the package, where each optional peer but the named ones is a failure. Prints what is exported.
import { readFileSync } from 'node:fs';
import { register } from 'node:module';

const [entry = '', ...allowed] = process.argv.slice(2);
const manifest = readFileSync('node_modules/nestjs-nowgg-auth/package.json', 'utf8');
const { peerDependenciesMeta } = JSON.parse(manifest) as { peerDependenciesMeta: Record<string, object> };
const refused = Object.keys(peerDependenciesMeta).filter((peer) => !allowed.includes(peer));
const hooks = `
  const refused = ${JSON.stringify(refused)};
  export async function resolve(specifier, context, next) {
    const peer = refused.find((name) => specifier === name || specifier.startsWith(name + '/'));
    if (peer) throw new Error('an optional peer was asked for: ' + peer);
    return next(specifier, context);
  }`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const loaded = (await import(entry)) as Record<string, unknown>;
process.stdout.write(JSON.stringify(Object.keys(loaded)));
