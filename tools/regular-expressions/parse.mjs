/**
 * A parser of JavaScript's regular expressions, as far as the sources use them. Syntax that it does not know is an
 * error, so that such a pattern has to be explained by hand.
 *
 * @typedef {{ kind: 'empty' } | { kind: 'start' } | { kind: 'assertion' } | { kind: 'characters', source: string } | {
 * kind: 'sequence', items: Node[] } | { kind: 'choice', options: Node[] } | { kind: 'repeat', min: number, max: number,
 * item: Node }} Node
 */

/** @param {string} source @returns {Node} */
export function parse(source) {
  return new Parser(source).parse();
}

const QUANTIFIER = /[*+?]|\{(\d+)(?:(,)(\d*))?\}/y;
/** One character or class of characters, as it can stand alone in a pattern. */
const ATOM =
  /\[(?:\\[^]|[^\]\\])*\]|\\(?:[pP]\{[^}]*\}|u\{[0-9A-Fa-f]+\}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|c[A-Za-z]|[dDsSwWtrnvf0]|[^\w])|[^\\()[\]{}*+?|^$]/uy;

class Parser {
  #source;
  #at = 0;

  constructor(source) {
    this.#source = source;
  }

  parse() {
    const node = this.#choice();
    if (this.#at < this.#source.length) throw this.#unknown();
    return node;
  }

  #choice() {
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    return options.length === 1 ? options[0] : { kind: 'choice', options };
  }

  #sequence() {
    const items = [];
    while (this.#at < this.#source.length && !this.#sees('|') && !this.#sees(')')) items.push(this.#repeated());
    if (items.length === 0) return { kind: 'empty' };
    return items.length === 1 ? items[0] : { kind: 'sequence', items };
  }

  #repeated() {
    const item = this.#item();
    const found = this.#match(QUANTIFIER);
    if (!found) return item;
    // A lazy quantifier tries the same paths in another order.
    this.#take('?');
    const [text, from, comma, to] = found;
    const many = Number.POSITIVE_INFINITY;
    const bounds = { '*': [0, many], '+': [1, many], '?': [0, 1] }[text];
    const [min, max] = bounds ?? [Number(from), comma === undefined ? Number(from) : to === '' ? many : Number(to)];
    return { kind: 'repeat', min, max, item };
  }

  #item() {
    if (this.#take('^')) return { kind: 'start' };
    if (this.#take('$') || this.#take('\\b') || this.#take('\\B')) return { kind: 'assertion' };
    for (const opening of ['(?=', '(?!', '(?<=', '(?<!']) {
      if (this.#take(opening)) return this.#look();
    }
    if (this.#match(/\((?:\?:|\?<\w+>)?(?!\?)/y)) return this.#group();
    const atom = this.#match(ATOM);
    if (!atom) throw this.#unknown();
    return { kind: 'characters', source: atom[0] };
  }

  #group() {
    const node = this.#choice();
    if (!this.#take(')')) throw this.#unknown();
    return node;
  }

  /** Parses a look-around. Looking at a bounded number of characters costs a bounded number of steps. */
  #look() {
    const node = this.#group();
    if (isUnbounded(node)) throw new Error('an unbounded look-around is not known here');
    return { kind: 'assertion' };
  }

  #sees(text) {
    return this.#source.startsWith(text, this.#at);
  }

  #take(text) {
    if (!this.#sees(text)) return false;
    this.#at += text.length;
    return true;
  }

  #match(pattern) {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found) this.#at += found[0].length;
    return found;
  }

  #unknown() {
    return new Error(`not known here: ${this.#source.slice(this.#at)}`);
  }
}

/** @param {Node} node */
export function isUnbounded(node) {
  switch (node.kind) {
    case 'repeat':
      return node.max === Number.POSITIVE_INFINITY || isUnbounded(node.item);
    case 'sequence':
      return node.items.some(isUnbounded);
    case 'choice':
      return node.options.some(isUnbounded);
    default:
      return false;
  }
}

/** Limit of the outer count of nested repetitions; above it there are too many ways to divide one text among them. */
const MOST_TURNS = 8;

/** Whether two counted repetitions can divide one text among them in many ways. @param {Node} node */
export function hasCountInCount(node) {
  switch (node.kind) {
    case 'repeat': {
      const divides = node.max > MOST_TURNS && node.max < Number.POSITIVE_INFINITY && isVariable(node.item);
      return divides || hasCountInCount(node.item);
    }
    case 'sequence':
      return node.items.some(hasCountInCount);
    case 'choice':
      return node.options.some(hasCountInCount);
    default:
      return false;
  }
}

function isVariable(node) {
  switch (node.kind) {
    case 'repeat':
      return node.max > node.min || isVariable(node.item);
    case 'sequence':
      return node.items.some(isVariable);
    case 'choice':
      return node.options.some(isVariable);
    default:
      return false;
  }
}
