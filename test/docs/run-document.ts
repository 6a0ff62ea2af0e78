import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { codeBlocks, documents, root } from './markdown.js';

/** The code of a document that can be run: its blocks with `snippet: file <name>`, as files. */
export class RunningDocument implements Disposable {
  readonly #folder: string;

  constructor(file: string) {
    const document = documents().find((candidate) => candidate.file === file);
    if (!document) throw new Error(`there is no document ${file}`);
    this.#folder = mkdtempSync(path.join(root, 'test/docs/running-'));
    for (const { directive, code } of codeBlocks(document)) {
      const [, name] = /^file (\S+)$/.exec(directive ?? '') ?? [];
      if (name !== undefined) writeFileSync(path.join(this.#folder, name), code);
    }
  }

  /** Loads a block by its file name. */
  async load<T>(name: string): Promise<T> {
    return (await import(path.join(this.#folder, name))) as T;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
