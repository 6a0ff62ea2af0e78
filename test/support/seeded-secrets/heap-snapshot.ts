import { readFileSync } from 'node:fs';

interface SnapshotFile {
  readonly snapshot: {
    readonly meta: { node_fields: string[]; edge_fields: string[]; edge_types: (string | string[])[] };
  };
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly strings: readonly string[];
}

/** Strings of a V8 heap snapshot, and what keeps them alive. */
export class HeapSnapshot {
  readonly #file: SnapshotFile;
  readonly #nodeSize: number;
  readonly #edgeSize: number;

  constructor(path: string) {
    this.#file = JSON.parse(readFileSync(path, 'utf8')) as SnapshotFile;
    const { node_fields, edge_fields } = this.#file.snapshot.meta;
    this.#nodeSize = node_fields.length;
    this.#edgeSize = edge_fields.length;
  }

  /** Every string of the heap in which one of these stands. */
  stringsWith(...marks: readonly string[]): string[] {
    return this.#file.strings.filter((text) => marks.some((mark) => text.includes(mark)));
  }

  /** Names of the objects from the root to each node that bears such a string; at most `limit` of them. */
  retainersOf(marks: readonly string[], limit = 5): string[] {
    const { nodes, strings } = this.#file;
    const marked = new Set(strings.flatMap((text, at) => (marks.some((mark) => text.includes(mark)) ? [at] : [])));
    const found: number[] = [];
    for (let node = 0; node < nodes.length && found.length < limit; node += this.#nodeSize)
      if (marked.has(nodes[node + 1] ?? -1)) found.push(node);
    if (found.length === 0) return [];
    const parents = this.#parents();
    return found.map((node) => this.#pathTo(node, parents));
  }

  #pathTo(node: number, parents: ReadonlyMap<number, readonly [parent: number, edge: string]>): string {
    const steps: string[] = [];
    for (let at: number | undefined = node; at !== undefined && steps.length < 30; ) {
      const [parent, edge]: readonly [number | undefined, string] = parents.get(at) ?? [undefined, ''];
      const name = this.#file.strings[this.#file.nodes[at + 1] ?? 0] ?? '';
      steps.unshift(`${edge} ${name.slice(0, 60)}`.trim());
      at = parent;
    }
    return steps.join(' > ');
  }

  /** The way by which a breadth-first walk from the root first meets each node; weak edges are no way. */
  #parents(): Map<number, readonly [number, string]> {
    const { nodes, edges, strings, snapshot } = this.#file;
    const edgeTypes = snapshot.meta.edge_types[0] as string[];
    const firstEdge = new Map<number, number>();
    const edgeCount = snapshot.meta.node_fields.indexOf('edge_count');
    let next = 0;
    for (let node = 0; node < nodes.length; node += this.#nodeSize) {
      firstEdge.set(node, next);
      next += (nodes[node + edgeCount] ?? 0) * this.#edgeSize;
    }
    const parents = new Map<number, readonly [number, string]>();
    const queue = [0];
    // The walk appends to the queue that it goes along.
    for (const at of queue) {
      const start = firstEdge.get(at) ?? 0;
      const end = start + (nodes[at + edgeCount] ?? 0) * this.#edgeSize;
      for (let edge = start; edge < end; edge += this.#edgeSize) {
        const [type = 0, name = 0, to = 0] = edges.slice(edge, edge + 3);
        if (edgeTypes[type] === 'weak' || to === 0 || parents.has(to)) continue;
        const named = ['element', 'hidden'].includes(edgeTypes[type] ?? '') ? `[${name}]` : `.${strings[name] ?? ''}`;
        parents.set(to, [at, named]);
        queue.push(to);
      }
    }
    return parents;
  }
}
