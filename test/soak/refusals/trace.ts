import type { NowggEmulator } from 'nowgg-emulator';
import { REFUSALS_OF_DOUBT } from '../../../libs/nowgg-auth/src/tokens/store/client-standing.js';
import type { SoakDatabase } from '../soak-database.js';
import type { Player } from './players.js';
import { now } from './timing.js';

interface Entry {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly text: string;
}

interface Version {
  readonly at: number;
  readonly kind: string;
  readonly version: Readonly<Record<string, unknown>>;
}

const SHOWN_MS = 15_000;

/**
 * Everything that happened to the players of a batch, on one time line: the faults, the answers to each player, now.gg's
 * record, and each version of the rows, which triggers keep. Without it a finding cannot be judged afterwards.
 */
export class Trace {
  readonly #database: SoakDatabase;
  readonly #faults: Entry[] = [];

  private constructor(database: SoakDatabase) {
    this.#database = database;
  }

  static async start(database: SoakDatabase): Promise<Trace> {
    const { dataSource, schema } = database;
    await dataSource.query(`CREATE TABLE ${schema}.history (at timestamptz, kind text, id text, version jsonb)`);
    await dataSource.query(
      `CREATE FUNCTION ${schema}.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO ${schema}.history SELECT clock_timestamp(), TG_OP,
           coalesce(to_jsonb(NEW)->>'id', to_jsonb(NEW)->>'secret'), to_jsonb(NEW) - '{refresh_ct,access_ct}'::text[];
         RETURN NULL; END $$`,
    );
    for (const table of ['nowgg_grant', 'nowgg_client']) {
      const after = `AFTER INSERT OR UPDATE ON ${schema}.${table} FOR EACH ROW EXECUTE FUNCTION ${schema}.keep()`;
      await dataSource.query(`CREATE TRIGGER keep ${after}`);
    }
    return new Trace(database);
  }

  /** Notes an event of one player, or of all. */
  note(text: string): void {
    this.#faults.push({ at: now(), text: `== ${text}` });
  }

  /** Notes the begin and the real end of a fault. */
  async lasting(name: string, fault: Promise<unknown>): Promise<void> {
    this.note(name);
    await fault;
    this.note(`over: ${name}`);
  }

  /** What happened around a player until a moment, `performance.now()`; a line for each event. */
  async of(player: Player, nowgg: NowggEmulator, until: number): Promise<string[]> {
    const end = performance.timeOrigin + until;
    const { grantId, userId } = player.grant;
    const calls = nowgg.requests
      .filter((call) => call.userId === userId && call.endpoint === 'token')
      .map(({ at, fault, code, issued, status, durationMs }): Entry => {
        const result = issued ? 'tokens' : (fault ?? code ?? 'no reply');
        return { at, text: `now.gg: ${result}, status ${status ?? 'none'}, ${durationMs ?? '?'} ms` };
      });
    const entries = [...this.#faults, ...player.answers, ...calls, ...(await this.#versions(grantId))];
    return entries
      .filter(({ at }) => at > end - SHOWN_MS && at < end + 500)
      .toSorted((one, other) => one.at - other.at)
      .map(({ at, text }) => `  ${String(Math.round(at - end)).padStart(7)} ms  ${text}`);
  }

  async stop(): Promise<void> {
    const { dataSource, schema } = this.#database;
    for (const table of ['nowgg_grant', 'nowgg_client']) {
      await dataSource.query(`DROP TRIGGER keep ON ${schema}.${table}`);
    }
    await dataSource.query(`DROP FUNCTION ${schema}.keep()`);
    await dataSource.query(`DROP TABLE ${schema}.history`);
  }

  async #versions(grantId: string): Promise<Entry[]> {
    const rows: { at: number; kind: string; version: Record<string, unknown> }[] =
      await this.#database.dataSource.query(
        `SELECT extract(epoch FROM at)::float8 * 1000 AS at, kind, version FROM ${this.#database.schema}.history
       WHERE id = $1 OR version ? 'recovered_at' ORDER BY at`,
        [grantId],
      );
    return rows.filter(isTelling).map(({ at, kind, version }) => {
      const what = isClient(version) ? clientText(version, at) : grantText(version, at);
      return { at, text: `${kind === 'INSERT' ? 'inserted ' : ''}${what}` };
    });
  }
}

function isClient(version: Version['version']): boolean {
  return 'recovered_at' in version;
}

/** Leaves out the many reports of a client that say the same as the one before: in doubt or not. */
function isTelling({ kind, version: { secret, refusals } }: Version, index: number, all: readonly Version[]): boolean {
  if (secret === undefined || kind === 'INSERT') return true;
  const before = all.slice(0, index).findLast(({ version }) => version.secret === secret);
  return Number(before?.version.refusals ?? 0) >= REFUSALS_OF_DOUBT !== Number(refusals) >= REFUSALS_OF_DOUBT;
}

function clientText(version: Version['version'], at: number): string {
  const { secret, refusals } = version;
  const times = ['succeeded_at', 'recovered_at'].map((name) => `${name} ${since(version[name], at)}`);
  return `client ${String(secret).slice(0, 6)}: refusals ${String(refusals)}, ${times.join(', ')}`;
}

function grantText(version: Version['version'], at: number): string {
  const times = [
    'fail_counted_at',
    'fail_until',
    'fail_confirmed_at',
    'lease_until',
    'attempt_started_at',
    'next_attempt_at',
  ]
    .filter((name) => version[name] !== null)
    .map((name) => `${name} ${since(version[name], at)}`);
  const { state, generation, fail_count: count, fail_runs: runs } = version;
  return `grant: ${String(state)} ${String(generation)}, refused ${String(count)} runs ${String(runs)}; ${times.join(', ')}`;
}

/** A time as milliseconds from the moment at which it was written. */
function since(time: unknown, at: number): string {
  return typeof time === 'string' ? String(Math.round(Date.parse(time) - at)) : '-';
}
