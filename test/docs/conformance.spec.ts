import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from './markdown.js';

const FILE = 'docs/conformance.md';
/** Reasons that a row may give instead of a test; the document explains each. */
const REASONS = ['device', 'identity system', 'other SDK', 'not supported', 'deviation'];

const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

interface Row {
  readonly number: string;
  readonly section: string;
  readonly statement: string;
  readonly proof: string;
  readonly cells: number;
}

/** The rows of the tables of statements. */
function rowsOf(text: string): Row[] {
  return text
    .split('\n')
    .filter((line) => /^\| \d+\.\d+ \|/.test(line))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .map(([, number = '', section = '', statement = '', proof = '', ...rest]) => ({
      number,
      section,
      statement,
      proof,
      cells: rest.length,
    }));
}

const testsIn = (text: string) =>
  [...text.matchAll(/`([\w./-]+\.ts)` › "([^"\n]+)"/g)].map(([, file = '', name = '']) => ({ file, name }));

/** Whether the file is a test and has the name as a whole string of its source, of a test or of a fact of a list. */
function exists({ file, name }: { readonly file: string; readonly name: string }): boolean {
  if (!/(?:^|\/)test\/|\.spec\.ts$/.test(file) || !existsSync(path.join(root, file))) return false;
  const source = read(file);
  return [`'${name}'`, `"${name}"`, `\`${name}\``].some((literal) => source.includes(literal));
}

const hasReason = (proof: string) => REASONS.some((reason) => proof.includes(`*${reason}*`));

describe('the statements of the four systems', () => {
  const text = read(FILE);
  const rows = rowsOf(text);

  it('are numbered by page without a gap', () => {
    for (const page of ['1', '2', '3', '4', '5']) {
      const ofPage = rows.filter(({ number }) => number.startsWith(`${page}.`));
      expect(ofPage.length).toBeGreaterThan(15);
      expect(ofPage.map(({ number }) => number)).toEqual(ofPage.map((_, index) => `${page}.${index + 1}`));
    }
    expect(rows.length).toBeGreaterThanOrEqual(137);
  });

  it('each have a section, a sentence, and a test or a reason', () => {
    const faulty = rows.filter(
      ({ section, statement, proof, cells }) =>
        section === '' || statement === '' || cells !== 1 || (testsIn(proof).length === 0 && !hasReason(proof)),
    );
    expect(faulty).toEqual([]);
  });

  it('name tests that exist, all in the form that is looked for', () => {
    expect(testsIn(text).filter((test) => !exists(test))).toEqual([]);
    expect(text.split('›').length - 1).toBe(testsIn(text).length);
  });

  it('give no reason that the document does not explain', () => {
    const given = [...text.matchAll(/(?<![*\w])\*([A-Za-z ]+)\*(?!\*)/g)].map(([, reason]) => reason);
    expect([...new Set(given)].filter((reason) => !REASONS.includes(reason ?? ''))).toEqual([]);
    for (const reason of REASONS) expect(text).toContain(`| *${reason}* |`);
  });

  it('would be found out with a test that does not exist, or with neither test nor reason', () => {
    const file = 'test/docs/links.spec.ts';
    const name = 'lead to files and headings of the repository';
    const proofs = [name, name.slice(5)].map((each) => `\`${file}\` › "${each}"`);
    expect(testsIn(proofs.join(', ')).map(exists)).toEqual([true, false]);
    expect(hasReason('a promise')).toBe(false);
  });
});
