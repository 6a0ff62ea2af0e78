import { StoreUnavailableError } from '../errors.js';
import {
  type LongestTokenLives,
  type RevocationChanges,
  RevocationStore,
  type StoredBan,
} from '../revocation/revocation-store.js';
import { isSpent, mergeWatermarks, type RevocationSubject, type Watermark } from '../revocation/marks/watermark.js';

/** A store that several feeds of a test share, that can fail, and that can give what it has in pages. */
export class SharedRevocationStore extends RevocationStore {
  override readonly isShared = true;
  broken = false;
  /** How many watermarks a page has. */
  pageSize = Number.POSITIVE_INFINITY;
  /** How often it was read. */
  reads = 0;
  /** How often it was written. */
  writes = 0;
  /** For each time that reasons were asked for: the number of subjects. */
  readonly banReads: number[] = [];
  /** Called before reasons are given. */
  beforeBans: () => Promise<void> = async () => undefined;
  /** Called before a page is given. */
  beforePage: () => Promise<void> = async () => undefined;
  readonly lives = new Map<string, number>();
  readonly #watermarks = new Map<string, Watermark>();

  override async put(watermark: Watermark): Promise<Watermark> {
    const [put] = await this.putMany([watermark]);
    return put as Watermark;
  }

  override async putMany(watermarks: readonly Watermark[]): Promise<readonly Watermark[]> {
    if (this.broken) throw new StoreUnavailableError();
    this.writes += 1;
    return watermarks.map((watermark) => {
      const merged = mergeWatermarks(this.#watermarks.get(keyOf(watermark)), watermark);
      this.#watermarks.set(keyOf(watermark), merged);
      return merged;
    });
  }

  override async restore({ provider, kind, id }: RevocationSubject): Promise<void> {
    const nothing = { issuedUntilMs: undefined, refusedUntilMs: undefined };
    this.#watermarks.set(keyOf({ provider, kind, id }), { provider, kind, id, ...nothing });
  }

  override async find(subject: RevocationSubject): Promise<Watermark | undefined> {
    return this.#watermarks.get(keyOf(subject));
  }

  override async findBans(subjects: readonly RevocationSubject[]): Promise<readonly StoredBan[]> {
    this.banReads.push(subjects.length);
    await this.beforeBans();
    if (this.broken) throw new StoreUnavailableError();
    return subjects.flatMap((subject): StoredBan[] => {
      const {
        provider,
        kind,
        id,
        refusedUntilMs: untilMs,
        ban,
      } = this.#watermarks.get(keyOf(subject)) ?? { ...subject, ban: undefined, refusedUntilMs: undefined };
      if (untilMs === undefined || !ban) return [];
      const { atMs: beganAtMs, ...stated } = ban;
      return [{ provider, kind, id, untilMs, beganAtMs, ...stated }];
    });
  }

  override async changesSince(cursor: string | undefined, lives?: LongestTokenLives): Promise<RevocationChanges> {
    this.reads += 1;
    if (this.broken) throw new StoreUnavailableError();
    await this.beforePage();
    const isLoad = cursor === undefined || cursor.startsWith('load ');
    const from = cursor?.startsWith('load ') ? Number(cursor.slice(5)) : 0;
    const lifeOf = new Map(lives?.entries());
    const all = [...this.#watermarks.values()];
    if (!isLoad) return { watermarks: all, cursor: 'changes' };
    const to = from + this.pageSize;
    const page = all
      .slice(from, to)
      .filter((mark) => !isSpent(mark, this.nowMs(), lifeOf.get(mark.provider) ?? lives?.defaultMs));
    return to < all.length
      ? { watermarks: page, cursor: `load ${to}`, isPartial: true }
      : { watermarks: page, cursor: 'changes' };
  }

  override async tokenLives(): Promise<readonly (readonly [string, number])[]> {
    return [...this.lives];
  }

  override async keepTokenLife(provider: string, lifeMs: number): Promise<void> {
    this.lives.set(provider, Math.max(lifeMs, this.lives.get(provider) ?? 0));
  }

  /** What it takes for the time when it filters a load. */
  nowMs: () => number = () => Number.NEGATIVE_INFINITY;
}

function keyOf({ provider, kind, id }: RevocationSubject): string {
  return JSON.stringify([provider, kind, id]);
}
