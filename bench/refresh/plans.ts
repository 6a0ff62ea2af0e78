import type { Pool } from 'pg';

/** The way in which a statement finds its row. */
export interface Plan {
  readonly name: string;
  /** `Index Scan using nowgg_grant_pk` and the like, for every node that reads a table. */
  readonly scans: readonly string[];
  /** Pages of 8 KiB that the statement touched. */
  readonly pages: number;
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Node[];
}

/** Runs the statement once more with EXPLAIN, and rolls it back. */
export async function explain(
  pool: Pool,
  name: string,
  { text, values }: { readonly text: string; readonly values: readonly unknown[] },
): Promise<Plan> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
      [...values],
    );
    await client.query('ROLLBACK');
    const root = rows[0]?.['QUERY PLAN'][0].Plan;
    if (!root) throw new Error('no plan');
    return { name, scans: [...new Set(scansOf(root))], pages: root['Shared Hit Blocks'] + root['Shared Read Blocks'] };
  } finally {
    client.release();
  }
}

function scansOf(node: Node): string[] {
  const below = (node.Plans ?? []).flatMap(scansOf);
  if (node['Relation Name'] === undefined || !node['Node Type'].includes('Scan')) return below;
  const by = node['Index Name'] === undefined ? `on ${node['Relation Name']}` : `using ${node['Index Name']}`;
  return [`${node['Node Type']} ${by}`, ...below];
}
