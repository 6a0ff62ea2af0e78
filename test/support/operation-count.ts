import { Session } from 'node:inspector';

interface CoverageRange {
  readonly count: number;
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly CoverageRange[] }[];
}

type Builtin = (this: unknown, ...given: unknown[]) => unknown;

/** Costs as much as the text or list that it is called on is long. */
const LINEAR_METHODS: readonly (readonly [prototype: object, names: readonly string[]])[] = [
  [
    String.prototype,
    'split replace replaceAll match matchAll search indexOf lastIndexOf includes trim trimStart trimEnd toLowerCase toUpperCase isWellFormed toWellFormed normalize concat padEnd padStart repeat localeCompare'.split(
      ' ',
    ),
  ],
  [
    Array.prototype,
    'includes indexOf lastIndexOf join concat slice splice shift unshift reverse map filter every some find findIndex flatMap reduce forEach with toSpliced'.split(
      ' ',
    ),
  ],
];
/** Costs as much as what it is given is long. */
const LINEAR_FUNCTIONS: readonly (readonly [holder: object, name: string])[] = [
  [JSON, 'parse'],
  [String.prototype, 'startsWith'],
  [String.prototype, 'endsWith'],
  [Buffer, 'from'],
  [Buffer, 'concat'],
  [TextDecoder.prototype, 'decode'],
  [TextEncoder.prototype, 'encode'],
  [globalThis, 'decodeURIComponent'],
  [globalThis, 'encodeURIComponent'],
  [globalThis, 'atob'],
  [URL, 'canParse'],
];
const SORTS = ['sort', 'toSorted'] as const;
/** Counted where the sources call them; the others here call `exec` too, once they see that it was replaced. */
const SEARCHES = ['exec', 'test'] as const;
const SEARCHING = new Set(['split', 'replace', 'replaceAll', 'match', 'matchAll', 'search', 'test']);

/**
 * Counts what code does, without a clock: how often V8 enters each block of the sources, by precise coverage, and how
 * long the texts and lists are that they hand to built-in functions. Sources count that are loaded after
 * {@link OperationCount.start}. Regular expressions count as linear: that each is, is proven elsewhere.
 */
export class OperationCount implements Disposable {
  readonly #session = new Session();
  readonly #sources: RegExp;
  readonly #undo: (() => void)[] = [];
  #builtin = 0;
  #counting = false;
  /** Inside how many of the built-in functions that search the code is. */
  #searches = 0;

  private constructor(sources: RegExp) {
    this.#sources = sources;
  }

  /** @param sources addresses of the scripts that count */
  static start(sources: RegExp): OperationCount {
    const operations = new OperationCount(sources);
    operations.#session.connect();
    operations.#session.post('Profiler.enable');
    operations.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    operations.#watchBuiltins();
    return operations;
  }

  /** How many operations an action takes. Nothing else may run meanwhile. */
  async of(action: () => unknown): Promise<number> {
    this.#take();
    this.#builtin = 0;
    this.#counting = true;
    try {
      await action();
    } finally {
      this.#counting = false;
    }
    return this.#take() + this.#builtin;
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo.splice(0)) undo();
    this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  /** How often blocks were entered since the last time. */
  #take(): number {
    let scripts: readonly ScriptCoverage[] = [];
    // The inspector of one's own thread answers before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error) throw error;
      scripts = result;
    });
    return scripts
      .filter(({ url }) => this.#sources.test(url))
      .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
      .reduce((sum, { count }) => sum + count, 0);
  }

  #watchBuiltins(): void {
    for (const [prototype, names] of LINEAR_METHODS) {
      for (const name of names) this.#watch(prototype, name, (self) => lengthOf(self));
    }
    for (const [holder, name] of LINEAR_FUNCTIONS) this.#watch(holder, name, (_self, [first]) => lengthOf(first));
    for (const name of SEARCHES) {
      this.#watch(RegExp.prototype, name, (_self, [text]) => (this.#searches > 0 ? -1 : lengthOf(text)));
    }
    for (const name of SORTS) {
      this.#watch(Array.prototype, name, (self) => lengthOf(self) * Math.log2(lengthOf(self) + 2));
    }
  }

  #watch(holder: object, name: string, cost: (self: unknown, given: readonly unknown[]) => number): void {
    const descriptor = Object.getOwnPropertyDescriptor(holder, name);
    const original = descriptor?.value as Builtin | undefined;
    if (!descriptor || !original) return;
    const call = (self: unknown, given: readonly unknown[]) => {
      if (!this.#counting) return original.apply(self, [...given]);
      this.#counting = false;
      this.#builtin += 1 + cost(self, given);
      this.#counting = true;
      this.#searches += Number(SEARCHING.has(name));
      try {
        return original.apply(self, [...given]);
      } finally {
        this.#searches -= Number(SEARCHING.has(name));
      }
    };
    const watched: Builtin = function (...given) {
      return call(this, given);
    };
    Object.defineProperty(holder, name, { ...descriptor, value: watched });
    this.#undo.push(() => Object.defineProperty(holder, name, descriptor));
  }
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  const { length, byteLength } = Object(value) as { length?: unknown; byteLength?: unknown };
  if (typeof byteLength === 'number') return byteLength;
  return typeof length === 'number' ? length : 0;
}
