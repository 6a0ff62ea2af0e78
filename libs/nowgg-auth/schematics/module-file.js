// Reads the decorator of a Nest module as text, as far as `nest new` writes it. What it does not recognise, it leaves alone.

/**
 * Adds imports, and entries to arrays of `@Module`.
 * @param {string} text of a file with one `@Module({ … })`
 * @param {{ from: string, names: string[] }[]} imports
 * @param {Record<string, string[]>} entries by the property that they belong to
 * @returns {string | undefined} the new text, or undefined when the file has another form
 */
exports.addToModule = function addToModule(text, imports, entries) {
  const pieces = text.split('@Module({');
  if (pieces.length !== 2) return undefined;
  let code = pieces[1];
  for (const [property, values] of Object.entries(entries)) {
    const next = withEntries(code, property, values);
    if (next === undefined) return undefined;
    code = next;
  }
  const lines = imports.flatMap(({ from, names }) => {
    const missing = names.filter((name) => !importedNames(pieces[0]).has(name));
    return missing.length === 0 ? [] : [`import { ${missing.join(', ')} } from '${from}';\n`];
  });
  const first = /^import /m.exec(pieces[0])?.index;
  if (first === undefined) return undefined;
  return `${pieces[0].slice(0, first)}${lines.join('')}${pieces[0].slice(first)}@Module({${code}`;
};

function importedNames(text) {
  const lists = [...text.matchAll(/^import (?:type )?\{([^}]*)\}/gm)].map(([, names]) => names);
  return new Set(lists.flatMap((names) => names.split(',').map((name) => name.trim())));
}

/** Adds values at the start of the array of a property, which it creates when the decorator has none. */
function withEntries(code, property, values) {
  const value = propertyValue(code, property);
  if (value === undefined) return undefined;
  const lines = values.map((entry) => `\n    ${entry.replaceAll('\n', '\n    ')},`).join('');
  if (value === -1) return `\n  ${property}: [${lines}\n  ],${code}`;
  if (code[value] !== '[') return undefined;
  const rest = code.slice(value + 1);
  // An array on a single line stays there where it fits, and has lines of its own otherwise.
  const held = /^[ \t]*([^\n[\](){}]*?),?[ \t]*\]/.exec(rest);
  if (!held) return `${code.slice(0, value + 1)}${lines}${rest}`;
  const all = [...values, ...(held[1] === '' ? [] : [held[1]])];
  const inLine = all.join(', ');
  const after = rest.slice(held[0].length);
  if (!inLine.includes('\n') && inLine.length + property.length < 74)
    return `${code.slice(0, value + 1)}${inLine}]${after}`;
  return `${code.slice(0, value + 1)}${lines}${held[1] === '' ? '' : `\n    ${held[1]},`}\n  ]${after}`;
}

/** Where the value of a property of the decorator begins: -1 without the property, undefined when braces do not match. */
function propertyValue(code, property) {
  let found = -1;
  let depth = 0;
  for (let index = 0; index < code.length; index++) {
    const skipped = endOfText(code, index);
    if (skipped === undefined) return undefined;
    if (skipped > index) {
      index = skipped - 1;
      continue;
    }
    if ('{[('.includes(code[index])) depth++;
    else if ('}])'.includes(code[index])) depth--;
    if (depth < 0) return code[index] === '}' ? found : undefined;
    if (depth === 0 && found === -1 && code.startsWith(property, index) && !/\w/.test(code[index - 1] ?? ' ')) {
      const colon = /^\s*:\s*/.exec(code.slice(index + property.length));
      if (colon) found = index + property.length + colon[0].length;
    }
  }
  return undefined;
}

/** The end of a comment or a quoted text that starts here, this index where none does, undefined where it never ends. */
function endOfText(code, index) {
  const start = ['//', '/*', "'", '"', '`'].find((mark) => code.startsWith(mark, index));
  if (start === undefined) return index;
  const mark = start === '//' ? '\n' : start === '/*' ? '*/' : start;
  let end = code.indexOf(mark, index + start.length);
  while (end > 0 && start.length === 1 && code[end - 1] === '\\') end = code.indexOf(mark, end + 1);
  return end === -1 ? undefined : end + mark.length;
}
