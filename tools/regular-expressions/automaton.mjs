import { asBits, charactersOf, EVERY_CHARACTER } from './characters.mjs';

/**
 * The position automaton (Glushkov) of one alternative of a pattern: a state for each place of a character, and an edge
 * for each place that may come next. A backtracking engine tries the paths through it; the assertions are left out, so
 * the engine tries no more than these paths.
 */
export class Automaton {
  /** @type {Uint8Array[]} characters that lead into each state */
  sets = [];
  /** @type {number[][]} the states after each state, once for each path that leads there without a character between */
  next = [];
  /** @type {Set<number>} states after which the pattern has matched, if nothing is asserted then */
  last = new Set();
  #asserts = false;
  #flags;

  /**
   * @param {import('./parse.mjs').Node} node
   * @param {{ flags: string, searches: boolean }} how `searches`: the engine tries again at each character
   */
  constructor(node, { flags, searches }) {
    this.#flags = flags;
    const start = searches ? this.#state(EVERY_CHARACTER) : undefined;
    const { first, last } = this.#build(node);
    if (start !== undefined) this.next[start].push(start, ...first);
    this.last = new Set(last);
    if (!this.#asserts) this.#cutCertain();
  }

  #state(set) {
    this.sets.push(set);
    this.next.push([]);
    return this.sets.length - 1;
  }

  /** @returns {{ first: number[], last: number[], nullable: boolean }} */
  #build(node) {
    switch (node.kind) {
      case 'characters': {
        const state = this.#state(charactersOf(node.source, this.#flags));
        return { first: [state], last: [state], nullable: false };
      }
      case 'assertion':
        this.#asserts = true;
        return EMPTY;
      case 'sequence':
        return node.items.map((item) => this.#build(item)).reduce((a, b) => this.#joined(a, b));
      case 'choice': {
        const parts = node.options.map((option) => this.#build(option));
        return {
          first: parts.flatMap(({ first }) => first),
          last: parts.flatMap(({ last }) => last),
          nullable: parts.some(({ nullable }) => nullable),
        };
      }
      case 'repeat':
        return this.#repeated(node);
      default:
        return EMPTY;
    }
  }

  #joined(a, b) {
    for (const state of a.last) this.next[state].push(...b.first);
    return {
      first: a.nullable ? [...a.first, ...b.first] : a.first,
      last: b.nullable ? [...a.last, ...b.last] : b.last,
      nullable: a.nullable && b.nullable,
    };
  }

  /** X{2,4} is X X (X X?)?, as engines count; X{2,} is X X X*. */
  #repeated({ min, max, item }) {
    let tail = EMPTY;
    if (max === Number.POSITIVE_INFINITY) tail = this.#loop(item);
    else {
      for (let copy = min; copy < max; copy += 1) tail = optional(this.#joined(this.#build(item), tail));
    }
    for (let copy = 0; copy < min; copy += 1) tail = this.#joined(this.#build(item), tail);
    return tail;
  }

  #loop(item) {
    const part = this.#build(item);
    if (part.nullable) throw new Error('an unbounded repetition of what may be empty');
    for (const state of part.last) this.next[state].push(...part.first);
    return optional(part);
  }

  /** Cuts the edges of states from which every path is already a match: the engine never returns to them. */
  #cutCertain() {
    const certain = new Set(this.last);
    for (let before = -1; before !== certain.size; ) {
      before = certain.size;
      for (const state of certain) if (!this.next[state].every((after) => certain.has(after))) certain.delete(state);
    }
    for (const state of certain) this.next[state] = [];
  }
}

const EMPTY = { first: [], last: [], nullable: true };
const optional = (part) => ({ ...part, nullable: true });

/**
 * Reason why the number of paths for a text can grow with its length; undefined when it is bounded by a constant, so
 * that the engine's work is linear. The criterion is that of Weber and Seidl (1991) for the ambiguity of automata: a
 * state with two different loops for one text (exponential), or two states with a loop each and a path from the first
 * to the second, all for one text (polynomial).
 *
 * @param {Automaton} automaton
 */
export function ambiguityOf({ sets, next }) {
  const loops = componentsOf(next);
  const bits = asBits(sets);
  const looping = [...sets.keys()].filter((state) => loops[state] !== undefined);
  const inside = (state, loop) => next[state].filter((after) => loops[after] === loops[loop]);
  for (const state of looping) {
    const edges = inside(state, state);
    if (new Set(edges).size < edges.length) return 'a loop in a loop';
  }
  for (const state of looping) {
    const twice = (pair) =>
      pairs(inside(pair[0], state), inside(pair[1], state)).filter(([a, b]) => (bits[a] & bits[b]) !== 0n);
    const apart = [...reach([[state, state]], twice).values()].filter(([a, b]) => a !== b);
    if (apart.some((pair) => reach([pair], twice).has(String([state, state]))))
      return 'a text with two ways round a loop';
  }
  for (const from of looping) {
    for (const to of looping) {
      if (from === to) continue;
      const step = ([a, b, c]) =>
        inside(a, from).flatMap((x) =>
          next[b].flatMap((y) =>
            inside(c, to)
              .filter((z) => (bits[x] & bits[y] & bits[z]) !== 0n)
              .map((z) => [x, y, z]),
          ),
        );
      if (reach([[from, from, to]], step).has(String([from, to, to]))) return 'two loops that one text can share';
    }
  }
  return undefined;
}

const pairs = (as, bs) => as.flatMap((a) => bs.map((b) => [a, b]));

/** The items that can be reached in one step or more, by name. */
function reach(starts, step) {
  const found = new Map();
  const open = starts.flatMap(step);
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    const name = String(item);
    if (found.has(name)) continue;
    found.set(name, item);
    open.push(...step(item));
  }
  return found;
}

/** For each state on a loop a number that it shares with the states that are on a loop with it. */
function componentsOf(next) {
  const candidates = withoutEntries(next);
  const reached = new Map(
    [...candidates].map((state) => [state, new Set(reach([state], (item) => next[item]).values())]),
  );
  return next.map((_, state) => (reached.get(state)?.has(state) ? firstOf(reached, state) : undefined));
}

/** The states that are left when those that no remaining state leads to are removed one by one: all loops are there. */
function withoutEntries(next) {
  const entries = next.map(() => 0);
  for (const after of next.flat()) entries[after] += 1;
  const left = new Set(next.keys());
  const open = [...left].filter((state) => entries[state] === 0);
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    left.delete(state);
    for (const after of next[state]) {
      entries[after] -= 1;
      if (entries[after] === 0) open.push(after);
    }
  }
  return left;
}

function firstOf(reached, state) {
  return [...reached.keys()].find((other) => reached.get(state).has(other) && reached.get(other).has(state));
}
