import { regularExpressions } from './collect.mjs';
import { judge } from './judge.mjs';

/** Path of the list, relative to the root. */
export const LIST = 'docs/security/regular-expressions.md';

/**
 * Patterns that the criterion cannot prove, with the reason why each needs linear time all the same, by the text
 * between the slashes. None at present: a pattern that needs an entry here is better replaced by a loop.
 *
 * @type {Readonly<Record<string, string>>}
 */
export const EXPLAINED = {};

const INTRODUCTION = `# Regular expressions

A regular expression that backtracks can need more than linear time for a text that a stranger chooses. This is the list
of all regular expressions in the libraries and the sample, with the reason why each needs linear time. It is written by
\`node tools/regular-expressions.mjs --update\`; a test compares it with the sources, fails for a pattern that is not
proven, and allows no pattern that is made of text while the program runs.

The proof is a criterion on the automaton of each pattern (Weber and Seidl, 1991). An engine that backtracks tries ways
through the automaton, and there are more than a constant number of ways for one text only if a state has two different
loops for it (exponential), or if it leads round two loops and from the first to the second (polynomial). A pattern that
is searched for begins with a loop of its own, over every character: \`\\/+$\` fails for that reason.

`;

/** The text of the list. */
export function report() {
  const byFile = new Map();
  for (const { file, source, flags } of regularExpressions().patterns) {
    const { linear, why } = judge(source, flags);
    const rows = byFile.get(file) ?? byFile.set(file, new Map()).get(file);
    rows.set(`/${source}/${flags}`, linear ? why : (EXPLAINED[source] ?? `NOT PROVEN: ${why}`));
  }
  const sections = [...byFile].map(([file, rows]) => {
    const lines = [...rows].map(([pattern, why]) => `| ${code(pattern)} | ${why} |`);
    return [`## ${file}`, '', '| pattern | linear because |', '| --- | --- |', ...lines, ''].join('\n');
  });
  return INTRODUCTION + sections.join('\n');
}

/** Code in a table: a vertical line would end the cell, a backtick the code. */
function code(text) {
  const fence = text.includes('`') ? '``' : '`';
  return `${fence}${text.replaceAll('|', String.raw`\|`)}${fence}`;
}
