#!/usr/bin/env node
// Parses the Kotlin of the documents: npm run check:kotlin. The grammar (46 MB) is installed in a temporary folder.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { installedApart } from './installed-apart.mjs';

const folder = installedApart(['web-tree-sitter@0.27.2', '@tree-sitter-grammars/tree-sitter-kotlin@1.1.0']);
const modules = path.join(folder, 'node_modules');
const { Language, Parser } = await import(path.join(modules, 'web-tree-sitter/web-tree-sitter.js'));
await Parser.init();
const parser = new Parser();
const grammar = path.join(modules, '@tree-sitter-grammars/tree-sitter-kotlin/tree-sitter-kotlin.wasm');
parser.setLanguage(await Language.load(grammar));

/** @returns {number | undefined} the first line that the parser does not understand, counted from 1 */
function faultIn(kotlin) {
  const { rootNode } = parser.parse(kotlin);
  if (!rootNode.hasError) return undefined;
  const faults = rootNode.descendantsOfType('ERROR');
  return (faults[0] ?? rootNode).startPosition.row + 1;
}

if (faultIn('fun f(x Int) {') === undefined) throw new Error('the parser accepts what is not Kotlin');
const docs = path.resolve(import.meta.dirname, '../docs');
const findings = readdirSync(docs)
  .filter((file) => file.endsWith('.md'))
  .flatMap((file) => {
    const text = readFileSync(path.join(docs, file), 'utf8');
    return [...text.matchAll(/```kotlin\n([^]*?)```/g)].map(([, kotlin]) => ({ file, line: faultIn(kotlin) }));
  });
for (const { file, line } of findings) {
  console.log(`docs/${file}: ${line === undefined ? 'ok' : `line ${line} of a Kotlin block is not Kotlin`}`);
}
process.exit(findings.length > 0 && findings.every(({ line }) => line === undefined) ? 0 : 1);
