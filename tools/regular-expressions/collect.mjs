import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '../..');
/** The code that users run: the libraries, and the sample that users copy from. */
const FOLDERS = [
  'libs/nowgg-auth/src',
  'libs/nowgg-auth-client/src',
  'libs/nowgg-emulator/src',
  'libs/nowgg-emulator/page',
  'apps/sample/src',
  'apps/sample/public',
];

/**
 * @typedef {{ file: string, line: number, source: string, flags: string }} Pattern
 * @typedef {{ file: string, line: number, text: string }} Made a pattern that is made while the program runs
 */

/** Every regular expression of the sources. @returns {{ patterns: Pattern[], made: Made[] }} */
export function regularExpressions() {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true })
      .map((name) => path.posix.join(folder, name.split(path.sep).join('/')))
      .filter((file) => /\.(?:ts|js|mjs)$/.test(file) && !/\.spec\.ts$|\.d\.ts$|\/testing-support\//.test(file)),
  ).toSorted();
  const found = files.map((file) => patternsOf(file, readFileSync(path.join(root, file), 'utf8')));
  return { patterns: found.flatMap(({ patterns }) => patterns), made: found.flatMap(({ made }) => made) };
}

/** The regular expressions of one text. @param {string} file @param {string} text */
export function patternsOf(file, text) {
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const patterns = [];
  const made = [];
  const visit = (node) => {
    const line = () => tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      patterns.push({ file, line: line(), source: node.text.slice(1, end), flags: node.text.slice(end + 1) });
    } else if (makesPattern(node)) made.push({ file, line: line(), text: node.getText(tree) });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { patterns, made };
}

/** Whether the node is `RegExp(…)`, or a string method that makes a pattern of a string. */
function makesPattern(node) {
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return false;
  if (ts.isIdentifier(node.expression)) return node.expression.text === 'RegExp';
  if (!ts.isPropertyAccessExpression(node.expression)) return false;
  const isMaker = ['match', 'matchAll', 'search'].includes(node.expression.name.text);
  const [argument] = node.arguments ?? [];
  return isMaker && argument !== undefined && !ts.isRegularExpressionLiteral(argument);
}
