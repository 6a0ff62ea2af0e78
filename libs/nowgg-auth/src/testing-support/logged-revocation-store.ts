import { type RevocationChanges, RevocationStore } from '../revocation/revocation-store.js';
import {
  keyOfSubject,
  mergeWatermarks,
  type RevocationSubject,
  type Watermark,
} from '../revocation/marks/watermark.js';

/** A step at which a statement waits: before it takes effect, and before its caller gets the answer. */
export type StatementStep = 'send' | 'answer';

/**
 * A shared store that tells each change only once, as a database does that knows what a reading has seen. A test decides
 * when a statement takes effect and when its answer comes.
 */
export class LoggedRevocationStore extends RevocationStore {
  override readonly isShared = true;
  /** Number of watermarks in a page. */
  pageSize = Number.POSITIVE_INFINITY;
  /** Called at each step of a statement. */
  at: (statement: 'put' | 'restore' | 'find' | 'read', step: StatementStep) => Promise<unknown> = async () => undefined;
  readonly #states = new Map<string, { readonly change: number; readonly watermark: Watermark }>();
  #changes = 0;

  override async put(watermark: Watermark): Promise<Watermark> {
    await this.at('put', 'send');
    const put = this.write(watermark);
    await this.at('put', 'answer');
    return put;
  }

  override async restore(subject: RevocationSubject): Promise<void> {
    await this.at('restore', 'send');
    this.lift(subject);
    await this.at('restore', 'answer');
  }

  override async find(subject: RevocationSubject): Promise<Watermark | undefined> {
    await this.at('find', 'send');
    const found = this.stateOf(subject);
    await this.at('find', 'answer');
    return found;
  }

  override async changesSince(cursor: string | undefined): Promise<RevocationChanges> {
    await this.at('read', 'send');
    const since = Number(cursor ?? 0);
    const changes = [...this.#states.values()]
      .filter(({ change }) => change > since)
      .toSorted((a, b) => a.change - b.change);
    const page = changes.slice(0, this.pageSize);
    const isPartial = page.length < changes.length;
    const next = isPartial ? page.at(-1)?.change : this.#changes;
    await this.at('read', 'answer');
    return { watermarks: page.map(({ watermark }) => watermark), cursor: String(next), isPartial };
  }

  /** What another process writes. */
  write(watermark: Watermark): Watermark {
    return this.#keep(mergeWatermarks(this.stateOf(watermark), watermark));
  }

  /** What another process lifts. */
  lift({ provider, kind, id }: RevocationSubject): void {
    this.#keep({ provider, kind, id, issuedUntilMs: undefined, refusedUntilMs: undefined });
  }

  stateOf(subject: RevocationSubject): Watermark | undefined {
    return this.#states.get(keyOfSubject(subject))?.watermark;
  }

  #keep(watermark: Watermark): Watermark {
    this.#changes += 1;
    this.#states.set(keyOfSubject(watermark), { change: this.#changes, watermark });
    return watermark;
  }
}
