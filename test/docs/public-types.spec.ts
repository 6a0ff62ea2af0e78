import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '../..');
const directory = path.join(root, 'test/types');
const files = readdirSync(directory)
  .filter((name) => name.endsWith('.types.ts'))
  .map((name) => path.join(directory, name));

interface TypeError {
  readonly line: number;
  readonly text: string;
}

/** Compiles the files with their markers taken away: the line of each error, and what it says. */
function errorsWithoutMarkers(): Map<string, TypeError[]> {
  const config: unknown = ts.readConfigFile(path.join(root, 'tsconfig.base.json'), (name) =>
    ts.sys.readFile(name),
  ).config;
  const options = { ...ts.parseJsonConfigFileContent(config, ts.sys, root).options, noEmit: true };
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  host.readFile = (name) =>
    files.includes(name) ? readFile(name)?.replaceAll('@ts-expect-error', 'expected:') : readFile(name);
  const program = ts.createProgram(files, options, host);
  return new Map(files.map((file) => [file, errorsOf(program, program.getSourceFile(file))]));
}

function errorsOf(program: ts.Program, source: ts.SourceFile | undefined): TypeError[] {
  return program.getSemanticDiagnostics(source).map(({ start = 0, messageText }) => ({
    line: (source?.getLineAndCharacterOfPosition(start).line ?? -1) + 1,
    text: ts.flattenDiagnosticMessageText(messageText, ' '),
  }));
}

/** The lines that have to fail, and the reason that stands above each. */
function expectedErrors(file: string): { line: number; reason: string }[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line, index) => {
    const reason = /@ts-expect-error (.+)$/.exec(line)?.[1];
    return reason === undefined ? [] : [{ line: index + 2, reason }];
  });
}

describe('the public types', () => {
  let errors: Map<string, TypeError[]>;
  beforeAll(() => {
    errors = errorsWithoutMarkers();
  }, 120_000);

  it.each(files.map((file) => path.basename(file)))('refuse what %s marks, for the reason that it names', (name) => {
    const file = path.join(directory, name);
    const found = errors.get(file) ?? [];
    const expected = expectedErrors(file);
    expect([...new Set(found.map(({ line }) => line))]).toEqual(expected.map(({ line }) => line));
    for (const { line, reason } of expected) {
      const texts = found.filter((error) => error.line === line).map(({ text }) => text);
      expect(texts.join(' ')).toContain(reason);
    }
  });
});
