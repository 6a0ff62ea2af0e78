import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

/** Secrets that a test hands around, to look afterwards whether one of them came out anywhere. */
export class Planted {
  readonly #values = new Set<string>();

  get count(): number {
    return this.#values.size;
  }

  /** A value that occurs nowhere else, fit for a header, a URL and JSON. */
  plant(kind: string): string {
    return this.keep(`planted-${kind}-${randomBytes(12).toString('hex')}`);
  }

  /** Looks for this value too. */
  keep(value: string): string {
    this.#values.add(value);
    return value;
  }

  /** Looks for it no more: from now on it may come out. */
  forget(value: string): void {
    this.#values.delete(value);
  }

  /** The planted values that occur in a text, by their first characters. */
  foundIn(text: string): string[] {
    return [...this.#values].filter((value) => text.includes(value)).map((value) => value.slice(0, 24));
  }
}

/** Everything that an object would show in a log: hidden fields, causes and symbols included. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value, { depth: 12, showHidden: true, maxStringLength: null });
}
