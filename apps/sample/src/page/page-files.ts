import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** A file of the page, as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
};

/**
 * All files that browsers may get, read once: the name in a request is a key here, never a path on the disk. `page/…`
 * are this app's own files and the clients of socket.io and graphql-ws, `client/…` the session client, both as their packages publish
 * them.
 */
export function readPageFiles(): ReadonlyMap<string, PageFile> {
  return new Map([
    ...filesOf('page', publicDirectory()),
    ...filesOf('client', clientDirectory()),
    socketIoClient(),
    ...graphqlWsClient(),
  ]);
}

function* filesOf(prefix: string, directory: string): Generator<[string, PageFile]> {
  // The session client does not exist before the first build; the page says so.
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    const type = types[path.extname(name)];
    if (type !== undefined)
      yield [`${prefix}/${name}`, { type, text: readFileSync(path.join(directory, name), 'utf8') }];
  }
}

/** The `public` directory of this app, above both the sources and the build output. */
function publicDirectory(): string {
  for (let at = import.meta.dirname; at !== path.dirname(at); at = path.dirname(at)) {
    if (existsSync(path.join(at, 'public', 'index.html'))) return path.join(at, 'public');
  }
  throw new Error('the files of the page are missing');
}

function socketIoClient(): [string, PageFile] {
  const manifest = createRequire(import.meta.url).resolve('socket.io-client/package.json');
  const text = readFileSync(path.join(path.dirname(manifest), 'dist/socket.io.esm.min.js'), 'utf8');
  // The map is not served.
  return ['page/socket.io.js', { type: types['.js'] ?? '', text: text.replace(/\n\/\/# sourceMappingURL=.*/, '') }];
}

/** The module of the client, and the one that it imports by its name. */
function* graphqlWsClient(): Generator<[string, PageFile]> {
  const folder = path.dirname(createRequire(import.meta.url).resolve('graphql-ws/client'));
  for (const name of readdirSync(folder)) {
    if (!/^(client|common-[\w-]+)\.js$/.test(name)) continue;
    const text = readFileSync(path.join(folder, name), 'utf8');
    yield [name === 'client.js' ? 'page/graphql-ws.js' : `page/${name}`, { type: types['.js'] ?? '', text }];
  }
}

function clientDirectory(): string {
  const manifest = createRequire(import.meta.url).resolve('nowgg-auth-client/package.json');
  return path.join(path.dirname(manifest), 'dist');
}
