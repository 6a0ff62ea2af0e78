import type { NowggClock } from '../clock.js';
import {
  type RevocationChanges,
  RevocationStore,
  type RevocationStoreWiring,
  type StoredBan,
} from './revocation-store.js';
import type { TokenLives } from './marks/token-lives.js';
import { keyOfSubject, mergeWatermarks, type RevocationSubject, type Watermark } from './marks/watermark.js';
import { Watermarks } from './marks/watermarks.js';

const ALWAYS = Number.NEGATIVE_INFINITY;

/** Watermarks of this process alone, lost when it ends. They are kept once: the feed uses the same instance. */
export class MemoryRevocationStore extends RevocationStore {
  override readonly isShared: boolean = false;
  readonly #clock: Pick<NowggClock, 'now'>;
  readonly #bans = new Map<string, StoredBan>();
  #tidyAt = 1_000;
  #features: MemoryRevocationStore | undefined;
  #watermarks: Watermarks | undefined;

  constructor(clock: Pick<NowggClock, 'now'> = { now: () => Date.now() }) {
    super();
    this.#clock = clock;
  }

  override get features(): MemoryRevocationStore {
    this.#features ??= new MemoryRevocationStore(this.#clock);
    return this.#features;
  }

  /** The instance that holds the watermarks. */
  keptWith(lives: TokenLives): Watermarks {
    this.#watermarks ??= new Watermarks(lives);
    return this.#watermarks;
  }

  override async put(watermark: Watermark): Promise<Watermark> {
    const merged = mergeWatermarks(this.#kept.find(watermark), watermark);
    // First, for what asks for the reason as soon as the mark applies.
    this.#noteBan(watermark);
    this.#kept.apply(merged, ALWAYS);
    return merged;
  }

  override async restore(subject: RevocationSubject): Promise<void> {
    this.#bans.delete(keyOfSubject(subject));
    this.#kept.apply({ ...subject, issuedUntilMs: undefined, refusedUntilMs: undefined }, ALWAYS);
  }

  override async find(subject: RevocationSubject): Promise<Watermark | undefined> {
    return this.#kept.find(subject);
  }

  override async findBans(subjects: readonly RevocationSubject[]): Promise<readonly StoredBan[]> {
    const now = this.#clock.now();
    const found = subjects.map((subject) => this.#bans.get(keyOfSubject(subject)));
    return found.filter((ban) => ban !== undefined && ban.untilMs > now) as StoredBan[];
  }

  /** Returns no changes: no other process writes here. */
  override async changesSince(): Promise<RevocationChanges> {
    return { watermarks: [], cursor: '' };
  }

  #noteBan({ provider, kind, id, refusedUntilMs: untilMs, ban }: Watermark): void {
    if (untilMs === undefined) return;
    const key = keyOfSubject({ provider, kind, id });
    if (!ban) return void this.#bans.delete(key);
    const { atMs, ...notice } = ban;
    const before = this.#bans.get(key);
    const beganAtMs = before && before.untilMs > atMs ? before.beganAtMs : atMs;
    this.#bans.set(key, { provider, kind, id, untilMs, beganAtMs, ...notice });
    if (this.#bans.size >= this.#tidyAt) this.#forgetEnded();
  }

  #forgetEnded(): void {
    const now = this.#clock.now();
    for (const [key, { untilMs }] of this.#bans) if (untilMs <= now) this.#bans.delete(key);
    this.#tidyAt = Math.max(1_000, 2 * this.#bans.size);
  }

  get #kept(): Watermarks {
    this.#watermarks ??= new Watermarks();
    return this.#watermarks;
  }
}

/**
 * Keeps revocations in the memory of each process: enough for one process and for trials. Other processes do not see
 * them, and a restart loses them; use `typeOrmRevocationStore()` where that matters. This is the default.
 *
 * @example
 * ```ts
 * import { memoryRevocationStore, NowggAuthModule } from 'nestjs-nowgg-auth';
 *
 * export const auth = NowggAuthModule.forRoot({
 *   clientId: process.env.NOWGG_CLIENT_ID ?? '',
 *   clientSecret: process.env.NOWGG_CLIENT_SECRET ?? '',
 *   revocationStore: memoryRevocationStore(), // as without this line
 * });
 * ```
 */
export function memoryRevocationStore(): RevocationStoreWiring {
  return { inject: [], create: ({ clock }) => new MemoryRevocationStore(clock) };
}
