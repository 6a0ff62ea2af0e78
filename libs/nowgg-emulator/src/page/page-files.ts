import { readFile } from 'node:fs/promises';

/** A file of the page, as it is sent. */
export interface PageFile {
  readonly contentType: string;
  readonly content: Buffer;
}

/** Next to `src` and `dist`, so that both find it. */
const folder = new URL('../../page/', import.meta.url);

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

const scripts = [
  'clock-panel',
  'connection',
  'control',
  'dashboard',
  'dom',
  'fault-panel',
  'format',
  'issued-panel',
  'player-panel',
  'request-panel',
  'sign-in',
];

/** All files by the path at which they are served: a path that is not here is not a file of the page. */
const files: ReadonlyMap<string, string> = new Map([
  ['/', 'dashboard.html'],
  ['/sign-in', 'sign-in.html'],
  // Browsers request it on their own, also for answers that are not pages: it is not a call of a client.
  ['/favicon.ico', 'icon.svg'],
  ...['page.css', 'icon.svg', ...scripts.map((name) => `${name}.js`)].map((name) => [`/_page/${name}`, name] as const),
]);

const loaded = new Map<string, Promise<Buffer>>();

/** Whether the path belongs to the page. */
export function isPagePath(path: string): boolean {
  return files.has(path) || path.startsWith('/_page/');
}

/** The file at a path; each process reads it once. */
export async function loadPageFile(path: string): Promise<PageFile | undefined> {
  const name = files.get(path);
  if (name === undefined) return undefined;
  const content = loaded.get(name) ?? readFile(new URL(name, folder));
  loaded.set(name, content);
  return { contentType: types[name.slice(name.lastIndexOf('.') + 1)] ?? '', content: await content };
}
