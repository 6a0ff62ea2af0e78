import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from './markdown.js';

const MODEL = 'docs/security/threat-model.md';
const REQUIREMENTS = 'docs/security/asvs.md';

const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const numbersIn = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

/** A test that a document names: `path/to/x.spec.ts` › "name of a test". */
interface TestReference {
  readonly file: string;
  readonly name: string;
}

function referencesIn(text: string): TestReference[] {
  return [...text.matchAll(/`([\w./-]+\.ts)` › "([^"\n]+)"/g)].map(([, file = '', name = '']) => ({ file, name }));
}

/** Whether the file is there and has the name as a whole string of its source: of a test, a group or a fact of a list. */
function exists({ file, name }: TestReference): boolean {
  if (!/(?:^|\/)test\/|\.spec\.ts$/.test(file) || !existsSync(path.join(root, file))) return false;
  const source = read(file);
  return [`'${name}'`, `"${name}"`, `\`${name}\``].some((literal) => source.includes(literal));
}

const broken = (text: string) => referencesIn(text).filter((reference) => !exists(reference));

/** The sections of the threat model by number, without the text before the first one. */
function threats(): Array<{ readonly number: string; readonly text: string }> {
  const sections = read(MODEL)
    .split(/^### (?=T\d+ )/m)
    .slice(1);
  return sections.map((text) => ({ number: /^T\d+/.exec(text)?.[0] ?? '', text: text.split(/^## /m)[0] ?? '' }));
}

/** The rows of the tables of requirements: number, level, demand, evidence. */
const requirements = () =>
  read(REQUIREMENTS)
    .split('\n')
    .filter((line) => /^\| \d/.test(line))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .map(([, number = '', level = '', demand = '', evidence = '', ...rest]) => ({
      number,
      level,
      demand,
      evidence,
      cells: rest.length,
    }));

describe.each([MODEL, REQUIREMENTS])('the tests that %s names', (file) => {
  it('exist', () => {
    expect(referencesIn(read(file)).length).toBeGreaterThan(100);
    expect(broken(read(file))).toEqual([]);
  });

  it('are all written in the form that is looked for', () => {
    expect(read(file).split('›').length - 1).toBe(referencesIn(read(file)).length);
  });
});

it('a test that does not exist is found out', () => {
  const there = { file: 'test/docs/links.spec.ts', name: 'lead to files and headings of the repository' };
  const inPart = { file: there.file, name: 'lead to files' };
  const elsewhere = { file: 'test/docs/none.spec.ts', name: there.name };
  const text = [there, inPart, elsewhere].map(({ file, name }) => `\`${file}\` › "${name}"`).join(', ');
  expect(broken(text)).toEqual([inPart, elsewhere]);
});

describe('the threats', () => {
  it('are numbered without a gap, and each says who, what holds, what is left and which tests hold it', () => {
    expect(threats().map(({ number }) => number)).toEqual(threats().map((_, index) => `T${index + 1}`));
    const incomplete = threats().filter(
      ({ text }) =>
        !['**Who:**', '**Holds:**', '**Left:**', '**Tests:**'].every((part) => text.split(part).length === 2) ||
        referencesIn(text).length === 0,
    );
    expect(incomplete.map(({ number }) => number)).toEqual([]);
  });

  it('that another document or section points at exist', () => {
    const known = new Set(threats().map(({ number }) => number));
    const named = [MODEL, REQUIREMENTS].flatMap((file) => numbersIn(read(file), /\b(T\d+)\b/g));
    expect(named.filter((number) => !known.has(number))).toEqual([]);
  });
});

describe('the requirements', () => {
  it('each have a number of their own, a level, a demand and evidence or the lack of it', () => {
    const numbers = requirements().map(({ number }) => number);
    expect(numbers.length).toBeGreaterThan(150);
    expect(new Set(numbers).size).toBe(numbers.length);
    const faulty = requirements().filter(
      ({ number, level, demand, evidence, cells }) =>
        !/^\d+\.\d+\.\d+$/.test(number) ||
        !/^[123]$/.test(level) ||
        demand === '' ||
        cells !== 1 ||
        (referencesIn(evidence).length === 0 &&
          !/\*(?:deployment|not met|identity system|documents|reading)\*/.test(evidence)),
    );
    expect(faulty).toEqual([]);
  });
});
