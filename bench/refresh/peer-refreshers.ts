import { DataSource, type EntityManager } from 'typeorm';
import { inLanes, type Refresher } from './refresher.js';
import { askUpstream } from './upstream.js';

interface Row {
  readonly refresh: string;
  readonly access: string;
  readonly is_fresh: boolean;
}

const SIGN_INS_AT_ONCE = 8;
const LIFE = "clock_timestamp() + interval '1 year'";
const TABLE = `CREATE TABLE IF NOT EXISTS bench_grant (
  id uuid PRIMARY KEY, refresh text NOT NULL, access text NOT NULL, expires_at timestamptz NOT NULL)`;
const SELECT = 'SELECT refresh, access, expires_at > clock_timestamp() AS is_fresh FROM bench_grant WHERE id = $1';
const UPDATE = `UPDATE bench_grant SET access = $2, refresh = coalesce($3, refresh), expires_at = ${LIFE} WHERE id = $1`;

type Manager = Pick<EntityManager, 'query'>;

/**
 * A refresher without coordination: each caller reads, asks, writes. Tokens are kept in clear, which is cheaper than in
 * the library.
 */
export async function uncoordinatedRefresher(databaseUrl: string, url: string, poolSize: number): Promise<Refresher> {
  return peer(databaseUrl, url, poolSize, (dataSource) => async (id) => {
    const row = await read(dataSource, SELECT, id);
    return row.is_fresh ? row.access : renew(dataSource, url, id, row);
  });
}

/**
 * As {@link uncoordinatedRefresher}, but callers of one process that ask for one grant share the result of the first.
 */
export async function inProcessRefresher(databaseUrl: string, url: string, poolSize: number): Promise<Refresher> {
  return peer(databaseUrl, url, poolSize, (dataSource) => {
    const flights = new Map<string, Promise<string>>();
    return async (id) => {
      const row = await read(dataSource, SELECT, id);
      if (row.is_fresh) return row.access;
      const flight = flights.get(id) ?? renew(dataSource, url, id, row).finally(() => flights.delete(id));
      flights.set(id, flight);
      return flight;
    };
  });
}

/** A refresher that locks the row, reads again, asks and writes in one transaction. */
export async function rowLockRefresher(databaseUrl: string, url: string, poolSize: number): Promise<Refresher> {
  return peer(databaseUrl, url, poolSize, (dataSource) => async (id) => {
    const seen = await read(dataSource, SELECT, id);
    if (seen.is_fresh) return seen.access;
    return dataSource.transaction(async (manager) => {
      const row = await read(manager, `${SELECT} FOR UPDATE`, id);
      return row.is_fresh ? row.access : renew(manager, url, id, row);
    });
  });
}

async function peer(
  databaseUrl: string,
  upstreamUrl: string,
  poolSize: number,
  make: (dataSource: DataSource) => Refresher['accessToken'],
): Promise<Refresher> {
  const options = { type: 'postgres', url: databaseUrl, poolSize, installExtensions: false } as const;
  const dataSource = await new DataSource(options).initialize();
  return {
    dataSource,
    signIn: async (count) => {
      await dataSource.query(TABLE);
      const ids: string[] = [];
      await inLanes(count, SIGN_INS_AT_ONCE, async () => {
        const id = crypto.randomUUID();
        const tokens = await askUpstream(upstreamUrl, { kind: 'code', value: id });
        const insert = `INSERT INTO bench_grant VALUES ($1, $2, $3, ${LIFE})`;
        await dataSource.query(insert, [id, tokens?.refreshToken, tokens?.accessToken]);
        ids.push(id);
      });
      return ids;
    },
    expire: async (ids) => {
      const expire = 'UPDATE bench_grant SET expires_at = clock_timestamp() WHERE id = ANY($1)';
      await dataSource.query(expire, [ids]);
    },
    accessToken: make(dataSource),
    close: () => dataSource.destroy(),
  };
}

async function read(manager: Manager, statement: string, id: string): Promise<Row> {
  const [row] = (await manager.query(statement, [id])) as Row[];
  if (!row) throw new Error('a row is gone');
  return row;
}

async function renew(manager: Manager, url: string, id: string, row: Row): Promise<string> {
  const tokens = await askUpstream(url, { kind: 'refresh', value: row.refresh });
  if (!tokens) throw new Error('refused');
  await manager.query(UPDATE, [id, tokens.accessToken, tokens.refreshToken ?? null]);
  return tokens.accessToken;
}
