import type { DataSource } from 'typeorm';
import type { NowggClock } from '../clock.js';
import { PG_REVOCATION_CHANNEL } from './database/database-names.js';
import type { TokenDatabase } from './database/token-database.js';

/** The parts of a `pg` client that are used here. */
interface PgClient {
  connect(): Promise<void>;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
  on(event: 'notification' | 'error' | 'end', listener: () => void): void;
  unref?(): void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Calls `onHint` for each NOTIFY, on its own connection, which is opened again when it breaks: a pool has no connection
 * that may be kept. After each opening it calls `onHint` once, because a message may have been missed.
 * @returns a function that ends it
 */
export async function listen(
  database: TokenDatabase,
  clock: NowggClock,
  onHint: () => void,
): Promise<() => Promise<void>> {
  const closing = new AbortController();
  let client: PgClient | undefined;

  const open = async (): Promise<{ readonly ended: Promise<void> }> => {
    const pool = await database.pool();
    // Otherwise a client would be opened that nothing closes.
    closing.signal.throwIfAborted();
    client = clientOf(pool);
    const ended = new Promise<void>((resolve) => {
      client?.on('error', resolve);
      client?.on('end', resolve);
    });
    client.on('notification', onHint);
    // `connect` never settles when the client is ended meanwhile; the query after it then rejects.
    await Promise.race([client.connect(), ended]);
    // Like an idle pool, this connection must not keep a process alive that has nothing else to do.
    client.unref?.();
    await client.query(`LISTEN ${PG_REVOCATION_CHANNEL}`);
    onHint();
    return { ended };
  };
  const close = async () => {
    const open = client;
    client = undefined;
    await open?.end().catch(() => undefined);
  };
  const keepOpen = async () => {
    for (let pauseMs = FIRST_PAUSE_MS; !closing.signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const { ended } = await open();
        pauseMs = FIRST_PAUSE_MS;
        await ended;
      } catch {
        // The database is unavailable. The poll keeps asking, and the listener keeps connecting.
      }
      await close();
      await clock.wait(pauseMs, closing.signal);
    }
  };
  const done = keepOpen().catch(() => undefined);
  return async () => {
    closing.abort();
    await close();
    await done;
  };
}

/** Creates a client as the pool does, but outside the pool. */
function clientOf(dataSource: DataSource): PgClient {
  const { postgres, master } = dataSource.driver as unknown as {
    postgres: { Client: new (options: unknown) => PgClient };
    master: { options: unknown };
  };
  return new postgres.Client(master.options);
}
