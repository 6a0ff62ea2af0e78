import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { transformSync } from '@swc/core';
import type { FileSource } from '../support/scripted-backend.js';

const root = path.resolve(import.meta.dirname, '../../..');
const folders: Readonly<Record<string, string>> = {
  '/lib/': path.join(root, 'libs/nowgg-auth-client/src'),
  '/test/': path.join(root, 'test/client'),
};

const page = `<!doctype html>
<title>session client</title>
<link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "nowgg-auth-client": "/lib/index.js", "nowgg-auth-client/binding": "/lib/binding.js", "nowgg-auth-client/implicit": "/lib/implicit.js" } }</script>
<script type="module" src="/test/chromium/page.js"></script>`;

/** A page with the client and its contract, straight from the sources. */
export const pageFiles: FileSource = (pathname) => {
  if (pathname === '/page') return { type: 'text/html; charset=utf-8', text: page };
  const folder = Object.keys(folders).find((prefix) => pathname.startsWith(prefix));
  if (!folder) return undefined;
  const file = path.join(folders[folder] as string, pathname.slice(folder.length).replace(/\.js$/, '.ts'));
  return existsSync(file) ? { type: 'text/javascript', text: toJavaScript(readFileSync(file, 'utf8')) } : undefined;
};

function toJavaScript(source: string): string {
  return transformSync(source, { swcrc: false, jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }).code;
}
