import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { patternsOf, regularExpressions } from '../../tools/regular-expressions/collect.mjs';
import { judge } from '../../tools/regular-expressions/judge.mjs';
import { EXPLAINED, LIST, report } from '../../tools/regular-expressions/report.mjs';
import { root } from './markdown.js';

describe('the regular expressions of the libraries and the sample', () => {
  let found: ReturnType<typeof regularExpressions>;
  beforeAll(() => {
    found = regularExpressions();
  });

  it('are proven to need linear time, or explained', () => {
    expect(found.patterns.length).toBeGreaterThan(80);
    const open = found.patterns
      .map(({ file, line, source, flags }) => ({ at: `${file}:${line}`, source, ...judge(source, flags) }))
      .filter(({ linear, source }) => !linear && !Object.hasOwn(EXPLAINED, source));
    expect(open).toEqual([]);
  });

  it('are all written down: none is made of text while the program runs', () => {
    expect(found.made).toEqual([]);
  });

  it('are listed: a change is made with node tools/regular-expressions.mjs --update', () => {
    expect(readFileSync(path.join(root, LIST), 'utf8')).toBe(report());
  });
});

describe('the criterion', () => {
  it.each([
    String.raw`\/+$`,
    String.raw`\s*,\s*`,
    String.raw`\s+$`,
    '(a*)*',
    '(a+)+$',
    '(a|a)*$',
    '^(?:a|aa)+$',
    '^a*a*$',
    '^(.*),(.*),x$',
    String.raw`^\d+[0-9a-f]+$`,
    'a(?:b*b*c)?',
    'x+y',
    '^(?:a{1,64}){1,64}$',
    String.raw`^\s*(.*)\s*;$`,
    '(?=a*)b',
    String.raw`(a)\1*`,
  ])('does not let %s pass', (source) => {
    expect(judge(source, '')).toMatchObject({ linear: false });
  });

  it.each([
    ['^a+b+$', ''],
    ['^(?:a|ab)*c$', ''],
    [String.raw`^\[(.*)\]$`, ''],
    [String.raw`:\d+$`, ''],
    [String.raw`\s+`, 'g'],
    ['[^/]{20,}', 'g'],
    ['^[A-Z]+[a-z]+$', ''],
    [String.raw`^(?:\p{L}+ )*\p{L}+$`, 'u'],
    ['a*b', 'y'],
    [String.raw`^127(?:\.\d{1,3}){3}$`, ''],
  ])('proves %s with the flags %j', (source, flags) => {
    expect(judge(source, flags)).toMatchObject({ linear: true });
  });

  it.each([
    ['^[A-Z]+[a-z]+$', 'i'],
    ['^a*b', 'm'],
  ])('knows what the flags of /%s/%s mean', (source, flags) => {
    expect(judge(source, '')).toMatchObject({ linear: true });
    expect(judge(source, flags)).toMatchObject({ linear: false });
  });

  it('finds patterns wherever they stand', () => {
    const text = String.raw`
      const a = /a/; b.replace(/b\//g, ''); c.split(/c/); d.match(pattern); new RegExp('e'); RegExp(f); g.match(/g/u);
      class Body { @Matches(/h|i/) name!: string; }
      const quotient = 6 / 3 / 2, text = '/no pattern/', template = ${'`/${/j/.source}/`'};`;
    const { patterns, made } = patternsOf('x.ts', text);
    expect(patterns.map(({ source, flags }) => `${source} ${flags}`.trim())).toEqual([
      'a',
      String.raw`b\/ g`,
      'c',
      'g u',
      'h|i',
      'j',
    ]);
    expect(made.map((item) => item.text)).toEqual(['d.match(pattern)', "new RegExp('e')", 'RegExp(f)']);
  });
});
