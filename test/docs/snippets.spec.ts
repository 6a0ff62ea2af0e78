import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { codeBlocks, documents, root, sourceComments } from './markdown.js';
import { compileSnippets, isCode } from './snippets.js';

const blocks = documents().flatMap(codeBlocks);
const unchecked = blocks.filter((block) => block.info.startsWith('no-check'));

/** Scripts of an application that `nest new` made. */
const ofNewApplications = ['test:e2e'];

describe('the code in the documents', () => {
  it('compiles strictly against the libraries', () => {
    const checked = blocks.filter((block) => isCode(block) && !unchecked.includes(block));
    expect(compileSnippets(checked)).toEqual([]);
  }, 180_000);

  it('says why, where it is not compiled', () => {
    const silent = unchecked.filter((block) => block.info.replace('no-check', '').trim().length < 10);
    expect(silent.map(({ file, line }) => `${file}:${line}`)).toEqual([]);
  });

  it('is well-formed where it is JSON', () => {
    for (const block of blocks.filter(({ language }) => language === 'json')) {
      expect(() => JSON.parse(block.code) as unknown).not.toThrow();
    }
  });

  it('names only npm scripts that exist', () => {
    const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { scripts: object };
    const named = documents().flatMap(({ text }) =>
      [...text.matchAll(/\bnpm run ([\w:-]+)/g)].map((match) => match[1]),
    );
    expect(
      named.filter(
        (name) => name !== undefined && !Object.hasOwn(manifest.scripts, name) && !ofNewApplications.includes(name),
      ),
    ).toEqual([]);
  });
});

describe('the examples in the comments of public names', () => {
  const examples = sourceComments().flatMap(codeBlocks);

  it('compile strictly against the libraries', () => {
    expect(examples.length).toBeGreaterThan(50);
    expect(compileSnippets(examples.filter(isCode))).toEqual([]);
  }, 180_000);
});

describe('the snippet compiler', () => {
  const block = (code: string, directive?: string) => {
    const above = directive === undefined ? '' : `<!-- snippet: ${directive} -->\n`;
    return `${above}\`\`\`ts\n${code}\n\`\`\`\n`;
  };
  const errorsOf = (...parts: string[]) =>
    compileSnippets(codeBlocks({ file: 'trial.md', text: parts.join('\nProse.\n\n') }));

  it('reports an error at its line in the document', () => {
    expect(errorsOf(block('const a = 1;\nconst b: string = a;'))).toEqual([
      "trial.md:3: Type 'number' is not assignable to type 'string'.",
    ]);
  }, 180_000);

  it('lets a block go on where the one before ended, import another by name, and take what is given', () => {
    const parts = [
      block('const first = 1;'),
      block('export const second = first + 1;', 'continues'),
      block('export const named = true;', 'file named.ts'),
      block(
        "import { named } from './named.js';\nconst all: boolean = named && given > 1;",
        'given declare const given: number;',
      ),
    ];
    expect(errorsOf(...parts)).toEqual([]);
    expect(errorsOf(block('const own = 1;'), block('own;'))).toEqual(["trial.md:8: Cannot find name 'own'."]);
  }, 180_000);

  it('refuses a directive that it does not know', () => {
    expect(() => errorsOf(block('1;', 'skipped'))).toThrow('none of continues, file, given');
  });
});
