import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';

const ATTEMPTS = 3;
const PAUSE_MS = 2_000;

/** The database of the environment cannot be used. The message says why, and nothing of its address. */
export class DatabaseUnreachableError extends Error {
  constructor(reason: string) {
    super(`PostgreSQL cannot be reached: ${reason}`);
    this.name = 'DatabaseUnreachableError';
  }
}

/**
 * Connects once, so that a start without its database ends with one sentence, before anything else begins. A database
 * that has just been started gets a moment.
 * @throws DatabaseUnreachableError
 */
export async function reachDatabase(url: string, isStopped: () => boolean): Promise<void> {
  for (let attempt = 1; !isStopped(); attempt += 1) {
    const fault = await faultOf(url);
    if (fault === undefined) return;
    if (attempt === ATTEMPTS || !fault.mayPass) throw new DatabaseUnreachableError(fault.reason);
    await wait(PAUSE_MS);
  }
}

async function faultOf(url: string): Promise<{ reason: string; mayPass: boolean } | undefined> {
  try {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    await client.connect();
    await client.end();
    return undefined;
  } catch (error) {
    const { code } = error as { code?: unknown };
    return reasonOf(typeof code === 'string' ? code : 'no answer');
  }
}

/** By the code only: messages of the driver quote addresses and users. */
function reasonOf(code: string): { reason: string; mayPass: boolean } {
  switch (code) {
    case '28P01':
    case '28000':
      return { reason: `the user or the password in DATABASE_URL is refused (${code})`, mayPass: false };
    case '3D000':
      return { reason: `there is no database of the name in DATABASE_URL (${code}): create it`, mayPass: false };
    case 'ENOTFOUND':
      return { reason: `the host in DATABASE_URL is unknown (${code})`, mayPass: false };
    default:
      return { reason: `is it up (docker compose up -d), and is DATABASE_URL right? (${code})`, mayPass: true };
  }
}
