import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import * as api from './index.js';

/** The names that the main entry lists, types included. It lists each by hand: no `export *`. */
function exportedNames(): { values: string[]; types: string[] } {
  const text = readFileSync(new URL('./index.ts', import.meta.url), 'utf8');
  const names = { values: [] as string[], types: [] as string[] };
  for (const statement of ts.createSourceFile('index.ts', text, ts.ScriptTarget.ES2023).statements) {
    if (!ts.isExportDeclaration(statement) || !statement.exportClause || !ts.isNamedExports(statement.exportClause)) {
      throw new Error('the main entry holds something else than export lists');
    }
    for (const { name, isTypeOnly } of statement.exportClause.elements) {
      names[isTypeOnly || statement.isTypeOnly ? 'types' : 'values'].push(name.text);
    }
  }
  return names;
}

describe('the main entry', () => {
  it('exports these values', () => {
    expect(Object.keys(api).toSorted()).toEqual(exportedNames().values.toSorted());
    expect(exportedNames().values.toSorted()).toMatchSnapshot();
  });

  it('exports these types', () => {
    expect(exportedNames().types.toSorted()).toMatchSnapshot();
  });
});
