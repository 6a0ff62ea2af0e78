import path from 'node:path';
import ts from 'typescript';
import { type CodeBlock, root } from './markdown.js';

/** A module made of one block, or of several that a document shows in turns. */
interface SnippetModule {
  readonly fileName: string;
  /** For each line of the module where it stands in the document. */
  readonly origins: string[];
  text: string;
}

const languages = new Set(['ts', 'typescript', 'tsx', 'js', 'javascript', 'mts', 'cts']);

/** Whether readers would take the block for code that they can use. */
export const isCode = (block: CodeBlock): boolean => languages.has(block.language);

/**
 * Puts the blocks of one document into modules. A block is a module of its own unless the comment above it says else:
 * - `snippet: continues`: it goes on in the module of the block before;
 * - `snippet: file game.module.ts`: other blocks of the document import it by that name;
 * - `snippet: given <code>`: the code stands before the block and is not shown, such as `declare const id: string;`.
 */
function modulesOf(blocks: readonly CodeBlock[], folder: string): SnippetModule[] {
  const modules: SnippetModule[] = [];
  for (const block of blocks) {
    const [verb, argument = ''] = splitDirective(block);
    const last = modules.at(-1);
    if (verb === 'continues' && last) {
      append(last, block, block.code, block.line);
      continue;
    }
    const name = verb === 'file' ? argument : `line-${block.line}.ts`;
    const next: SnippetModule = { fileName: path.join(folder, name), origins: [], text: '' };
    if (verb === 'given') append(next, block, argument, undefined);
    append(next, block, block.code, block.line);
    // Without an import or export a file is a script, and its names would be those of every other script.
    next.text += 'export {};\n';
    next.origins.push(`${block.file}:${block.line}`);
    modules.push(next);
  }
  return modules;
}

function splitDirective({ file, line, directive }: CodeBlock): [string | undefined, string?] {
  if (directive === undefined) return [undefined];
  const [, verb, argument] = /^(continues|file|given)\b\s*([\s\S]*)$/.exec(directive) ?? [];
  if (verb === undefined) throw new Error(`${file}:${line}: "snippet: ${directive}" is none of continues, file, given`);
  return [verb, argument ?? ''];
}

function append(module: SnippetModule, { file, line }: CodeBlock, code: string, firstLine: number | undefined): void {
  for (const [index, text] of code.split('\n').entries()) {
    module.text += `${text}\n`;
    module.origins.push(`${file}:${firstLine === undefined ? line : firstLine + index}`);
  }
}

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  customConditions: ['@nowgg/source'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  noEmit: true,
};

/** Compiles the blocks of all documents, strictly, against the sources of the libraries. One line for each error. */
export function compileSnippets(blocks: readonly CodeBlock[]): string[] {
  const files = new Map<string, SnippetModule>();
  for (const document of new Set(blocks.map((block) => block.file))) {
    const folder = path.join(root, 'test/docs/snippets', document.replaceAll(/[^\w]/g, '-'));
    const own = blocks.filter((block) => block.file === document);
    for (const module of modulesOf(own, folder)) files.set(module.fileName, module);
  }
  const host = ts.createCompilerHost(options);
  const onDisk = ts.createCompilerHost(options);
  const folders = new Set([...files.keys()].flatMap(foldersAbove));
  host.fileExists = (name) => files.has(name) || onDisk.fileExists(name);
  host.readFile = (name) => files.get(name)?.text ?? onDisk.readFile(name);
  host.directoryExists = (name) => folders.has(name) || (onDisk.directoryExists?.(name) ?? true);
  host.getSourceFile = (name, target, ...rest) => {
    const module = files.get(name);
    return module ? ts.createSourceFile(name, module.text, target) : onDisk.getSourceFile(name, target, ...rest);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.values()].flatMap((module) => {
    const source = program.getSourceFile(module.fileName);
    return ts.getPreEmitDiagnostics(program, source).map((found) => describe(found, module));
  });
}

function foldersAbove(file: string): string[] {
  const above: string[] = [];
  for (let folder = path.dirname(file); folder.length > root.length; folder = path.dirname(folder)) above.push(folder);
  return above;
}

function describe({ file, start, messageText }: ts.Diagnostic, module: SnippetModule): string {
  const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line : 0;
  return `${module.origins[line] ?? module.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
}
