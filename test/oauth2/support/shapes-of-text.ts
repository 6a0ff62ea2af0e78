import * as fc from 'fast-check';

/** How a text is put together, whatever its length: a beginning, a unit that repeats, and an end. */
export interface TextShape {
  readonly before: string;
  readonly unit: string;
  readonly after: string;
}

const CHARACTERS = Array.from('/ \t.=;,&%[]{}"\\:-_+aA09~\u00e9\u00a0');

/** Texts as attackers repeat them: one to three characters that mean something to some parser, again and again. */
export const textShape: fc.Arbitrary<TextShape> = fc.record({
  before: fc.constantFrom('', 'x', '/', ' ', '"', 'Bearer ', 'https://now.gg'),
  unit: fc
    .array(fc.constantFrom(...CHARACTERS), { minLength: 1, maxLength: 3 })
    .map((characters) => characters.join('')),
  after: fc.constantFrom('', 'x', '/', '"', '=', '.', '\u0000'),
});

/** Shapes that were bad once, here or elsewhere. */
export const NOTORIOUS: readonly TextShape[] = [
  { before: 'https://now.gg', unit: '/', after: 'x' },
  { before: '', unit: '.', after: '' },
  { before: '', unit: ' ', after: 'x' },
  { before: 'x', unit: ' ,', after: 'x' },
  { before: '', unit: 'a="b",', after: '' },
  { before: '', unit: '=', after: 'x' },
  { before: '', unit: '%', after: '' },
  { before: '', unit: '[', after: '' },
];

export function textOf({ before, unit, after }: TextShape, length: number): string {
  const room = Math.max(0, length - before.length - after.length);
  return before + unit.repeat(Math.ceil(room / unit.length)).slice(0, room) + after;
}
