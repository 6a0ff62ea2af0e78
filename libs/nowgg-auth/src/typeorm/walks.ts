import type { TokenDatabase } from './database/token-database.js';
import { COUNTED_ROWS, startOf, type WalkedPage, type WalkStatement } from './statements/walk.js';

/** A walk of a sweep: the name that it counts under, its statement, and the parameters of the statement from $3 on. */
export type SweepWalk = readonly [name: string, of: WalkStatement, parameters: readonly unknown[]];

/** The position of each walk; null for one that has ended. Stored as JSON in the cursor of a sweep. */
type Positions = readonly (readonly string[] | null)[];

/** Goes through old rows in the order of an index, in pages that cost no more than the rows that they look at. */
export class Walks {
  readonly #database: TokenDatabase;

  constructor(database: TokenDatabase) {
    this.#database = database;
  }

  /**
   * Counts wanted rows, in as many statements as there are pages.
   * @param most ends the count when it is reached. Default: counts all
   */
  async count(
    { walk, statement }: WalkStatement,
    parameters: readonly unknown[],
    most = Number.POSITIVE_INFINITY,
  ): Promise<number> {
    let total = 0;
    for (let edge: readonly string[] | null = startOf(walk); edge !== null && total < most; ) {
      const page: WalkedPage = await this.#page(statement, [edge, COUNTED_ROWS, ...parameters]);
      total += page.count;
      edge = page.edge;
    }
    return Math.min(total, most);
  }

  /**
   * Takes each walk one page on.
   * @param limit rows to change at most under each name
   * @param after the `next` of the page before
   */
  async change(
    { limit, after }: { readonly limit: number; readonly after: string | undefined },
    walks: readonly SweepWalk[],
  ): Promise<{ readonly counts: Readonly<Record<string, number>>; readonly next: string | undefined }> {
    const positions: Positions = after === undefined ? walks.map(([, { walk }]) => startOf(walk)) : JSON.parse(after);
    const counts: Record<string, number> = {};
    const reached: (readonly string[] | null)[] = [];
    for (const [index, [name, { statement }, parameters]] of walks.entries()) {
      const edge = positions[index] ?? null;
      const left = limit - (counts[name] ?? 0);
      if (edge === null || left === 0) {
        reached.push(edge);
        continue;
      }
      const page = await this.#page(statement, [edge, left, ...parameters]);
      counts[name] = (counts[name] ?? 0) + page.count;
      reached.push(page.edge);
    }
    return { counts, next: reached.every((edge) => edge === null) ? undefined : JSON.stringify(reached) };
  }

  async #page(statement: string, parameters: readonly unknown[]): Promise<WalkedPage> {
    const rows = await this.#database.upkeepRows<WalkedPage>(statement, parameters);
    return rows[0] as WalkedPage;
  }
}
