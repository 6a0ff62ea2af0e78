import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '../../..');
const directory = path.join(root, 'test/types');
const files = readdirSync(directory).filter((name) => name.endsWith('.types.ts'));

/** The errors of a file whose markers are taken away: the line of each, and what it says. */
function errorsWithoutMarkers(file: string): { line: number; text: string }[] {
  const configPath = path.join(root, 'tsconfig.base.json');
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(configPath, ts.sys.readFile).config,
    ts.sys,
    root,
  );
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  host.readFile = (name) =>
    name === file ? readFileSync(name, 'utf8').replaceAll('@ts-expect-error', 'expected:') : readFile(name);
  const program = ts.createProgram([file], { ...options, noEmit: true }, host);
  const source = program.getSourceFile(file);
  return program.getSemanticDiagnostics(source).map(({ start = 0, messageText }) => ({
    line: (source?.getLineAndCharacterOfPosition(start).line ?? -1) + 1,
    text: ts.flattenDiagnosticMessageText(messageText, ' '),
  }));
}

describe('the public types', () => {
  it.each(files)(
    'refuse in test/types/%s what is marked, for the reason that is named, and nothing else',
    (name) => {
      const file = path.join(directory, name);
      const lines = readFileSync(file, 'utf8').split('\n');
      const expected = lines.flatMap((line, index) => {
        const reason = /@ts-expect-error (.+)$/.exec(line)?.[1];
        return reason === undefined ? [] : [{ line: index + 2, reason }];
      });
      const errors = errorsWithoutMarkers(file);
      expect([...new Set(errors.map(({ line }) => line))]).toEqual(expected.map(({ line }) => line));
      for (const { line, reason } of expected) {
        const texts = errors.filter((error) => error.line === line).map(({ text }) => text);
        expect(texts.join(' ')).toContain(reason);
      }
      expect(expected).not.toHaveLength(0);
    },
    60_000,
  );
});
