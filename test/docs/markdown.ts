import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

/** A document that readers of the repository or of a package see. */
export interface Document {
  /** Relative to the root, with forward slashes. */
  readonly file: string;
  readonly text: string;
}

/** A fenced block of a document. */
export interface CodeBlock {
  readonly file: string;
  /** Line of the first line of code, counted from 1. */
  readonly line: number;
  /** First word after the fence: `ts`, `bash`, …; empty when there is none. */
  readonly language: string;
  /** What follows the language: `no-check`, with its reason. */
  readonly info: string;
  readonly code: string;
  /** The text of the HTML comment right above the fence when it begins with `snippet:`. */
  readonly directive: string | undefined;
}

/** The documents of the root, of docs/ with its folders, and of each package; generated ones are left out. */
export function documents(): Document[] {
  const packages = ['libs', 'apps'].flatMap((folder) =>
    readdirSync(path.join(root, folder)).map((name) => `${folder}/${name}`),
  );
  const files = [
    ...['.', ...packages].flatMap((folder) => namesIn(folder, false)),
    ...namesIn('docs', true).filter((file) => !/^docs\/(api|public-api)\//.test(file)),
  ];
  return files.map((file) => ({ file, text: readFileSync(path.join(root, file), 'utf8') }));
}

/** The TSDoc comments of the libraries, each source file as a document of which only the comments are left. */
export function sourceComments(): Document[] {
  const files = readdirSync(path.join(root, 'libs'), { recursive: true, encoding: 'utf8' })
    .map((file) => path.posix.join('libs', file))
    .filter((file) => /^libs\/[a-z-]+\/src\/.*\.ts$/.test(file) && !file.endsWith('.spec.ts'));
  return files.map((file) => {
    const lines = readFileSync(path.join(root, file), 'utf8').split('\n');
    const text = lines.map((line) => /^\s*\*(?!\/) ?(.*)$/.exec(line)?.[1] ?? '').join('\n');
    return { file, text };
  });
}

function namesIn(folder: string, recursive: boolean): string[] {
  const names = readdirSync(path.join(root, folder), { recursive, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.md')).map((name) => path.posix.join(folder, name));
}

const fence = /^( *)(```+|~~~+) *([^\s`]*) *(.*)$/;
const directive = /<!--\s*snippet:\s*([\s\S]*?)\s*-->\s*$/;

/** All fenced blocks of a document, in order. */
export function codeBlocks({ file, text }: Document): CodeBlock[] {
  const lines = text.split('\n');
  const blocks: CodeBlock[] = [];
  let endOfLast = 0;
  for (let i = 0; i < lines.length; i++) {
    const opening = fence.exec(lines[i] ?? '');
    if (!opening) continue;
    const [, indent = '', marks = '', language = '', info = ''] = opening;
    const start = i + 1;
    while (++i < lines.length && (lines[i] ?? '').trim() !== marks);
    const code = lines.slice(start, i).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    const above = lines.slice(endOfLast, start - 1).join('\n');
    blocks.push({
      file,
      line: start + 1,
      language,
      info,
      code: code.join('\n'),
      directive: directive.exec(above)?.[1],
    });
    endOfLast = i + 1;
  }
  return blocks;
}

/** The document without fenced blocks and code spans: what renders as prose. */
export function prose({ text }: Document): string {
  let fenced: string | undefined;
  const kept = text.split('\n').map((line) => {
    const marks = fence.exec(line)?.[2];
    if (fenced === undefined && marks) fenced = marks;
    else if (fenced !== undefined && line.trim() === fenced) fenced = undefined;
    else if (fenced === undefined) return line;
    return '';
  });
  return kept.join('\n').replace(/`[^`\n]*`/g, '');
}
