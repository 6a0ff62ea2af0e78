import { Client } from 'pg';

type Query = (this: Client, ...args: unknown[]) => unknown;

/**
 * Records every statement that this process sends, from any code: the method of the driver's connections is wrapped.
 */
export class SentStatements {
  #count = 0;
  readonly #latest = new Map<string, readonly unknown[]>();

  constructor() {
    const prototype = Client.prototype as unknown as { query: Query };
    const query = prototype.query;
    const note = (text: string, values: readonly unknown[]) => this.#note(text, values);
    prototype.query = function (...args) {
      const [first, second] = args as [string | { text?: string; values?: unknown[] } | undefined, unknown];
      if (typeof first === 'string') note(first, Array.isArray(second) ? second : []);
      else if (first?.text !== undefined) note(first.text, first.values ?? []);
      return query.apply(this, args);
    };
  }

  get count(): number {
    return this.#count;
  }

  /** The newest statement that matches, as it was sent. */
  latest(pattern: RegExp): { readonly text: string; readonly values: readonly unknown[] } {
    const [text, values] = [...this.#latest].findLast(([sent]) => pattern.test(sent)) ?? [];
    if (text === undefined || values === undefined) throw new Error(`no statement like ${pattern.source} was sent`);
    return { text, values };
  }

  #note(text: string, values: readonly unknown[]): void {
    this.#count += 1;
    this.#latest.set(text, values);
  }
}
