// Loads entries of the package in one process, each with a copy of the package of its own, in which the import of an
// optional peer is a failure unless the entry may have it. Prints what each entry exports, or why it does not load.
import { readFileSync } from 'node:fs';
import { register } from 'node:module';

const wanted = JSON.parse(process.argv[2] ?? '[]') as readonly (readonly [entry: string, ...allowed: string[]])[];
const manifest = readFileSync('node_modules/nestjs-nowgg-auth/package.json', 'utf8');
const { peerDependenciesMeta } = JSON.parse(manifest) as { peerDependenciesMeta: Record<string, object> };
const peers = Object.keys(peerDependenciesMeta);
const refused = wanted.map(([, ...allowed]) => peers.filter((peer) => !allowed.includes(peer)));
// The address of each module of a copy ends with the number of its entry.
const hooks = `
  const refused = ${JSON.stringify(refused)};
  export async function resolve(specifier, context, next) {
    const [, entry, name] = /^entry:(\\d+):(.+)$/.exec(specifier) ?? [];
    const at = entry ?? /[?]entry=(\\d+)$/.exec(context.parentURL ?? '')?.[1];
    if (at === undefined) return next(specifier, context);
    const peer = refused[at].find((each) => specifier === each || specifier.startsWith(each + '/'));
    if (peer) throw new Error('an optional peer was asked for: ' + peer);
    const found = await next(name ?? specifier, context);
    return found.url.includes('/node_modules/nestjs-nowgg-auth/') ? { ...found, url: found.url + '?entry=' + at } : found;
  }`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const loaded: unknown[] = [];
for (const [at, [entry]] of wanted.entries()) {
  loaded.push(
    await import(`entry:${at}:${entry}`).then(
      (module: object) => Object.keys(module),
      (error: unknown) => String(error),
    ),
  );
}
process.stdout.write(JSON.stringify(loaded));
