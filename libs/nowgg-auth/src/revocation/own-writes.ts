import type { NowggClock } from '../clock.js';
import type { RevocationStore } from './revocation-store.js';
import {
  keyOfSubject,
  refusesTheSame,
  type RevocationSubject,
  strictestOf,
  type Watermark,
} from './marks/watermark.js';
import type { Watermarks } from './marks/watermarks.js';

interface OwnWritesParts {
  readonly store: RevocationStore;
  readonly clock: NowggClock;
  readonly watermarks: Watermarks;
}

/** A subject that this process writes or has just written. */
interface Written {
  readonly subject: RevocationSubject;
  /** Number of writes without an outcome. */
  underway: number;
  /** Number of states of the subject that have come. */
  states: number;
  /** The last page that may have been read before the state that is known. */
  olderPages: number;
}

/**
 * Puts in order what this process writes about a subject and what it reads about it: both are on their way at the same
 * time, and the one that comes last need not be the later one. While the order is not known, everything applies that
 * either of them refuses; then the subject is read on its own.
 */
export class OwnWrites {
  readonly #parts: OwnWritesParts;
  readonly #written = new Map<string, Written>();
  /** Those of which states came whose order is not known. */
  readonly #inDoubt = new Set<Written>();
  /** Number of pages that were requested, and the last one that was applied. */
  #requested = 0;
  #applied = 0;

  constructor(parts: OwnWritesParts) {
    this.#parts = parts;
  }

  /**
   * Writes, and applies the outcome.
   *
   * @param send returns the states of all subjects as they were stored
   */
  async write(subjects: readonly RevocationSubject[], send: () => Promise<readonly Watermark[]>): Promise<void> {
    const writings = new Map(subjects.map((subject) => [keyOfSubject(subject), this.#begin(subject)]));
    const before = new Map([...writings].map(([key, { states }]) => [key, states]));
    try {
      for (const watermark of await send()) {
        const key = keyOfSubject(watermark);
        const written = writings.get(key);
        if (written) this.#arriveAlone(written, watermark, written.states === before.get(key));
      }
    } finally {
      for (const [key, written] of writings) {
        written.underway -= 1;
        this.#forget(key, written);
      }
    }
    if (this.#inDoubt.size > 0) await this.settle().catch(() => undefined);
  }

  /** Notes that a page is requested. @returns its number */
  requestPage(): number {
    this.#requested += 1;
    return this.#requested;
  }

  /** Applies watermarks of a page. */
  read(page: number, watermarks: readonly Watermark[]): void {
    const nowMs = this.#parts.clock.now();
    for (const watermark of watermarks) {
      const written = this.#written.size === 0 ? undefined : this.#written.get(keyOfSubject(watermark));
      if (written === undefined) {
        this.#parts.watermarks.apply(watermark, nowMs);
        continue;
      }
      this.#arrive(written, watermark, page > written.olderPages);
      written.olderPages = Math.max(written.olderPages, page);
    }
  }

  /** Notes that a page and all before it were applied. */
  endPage(page: number): void {
    this.#applied = page;
    for (const [key, written] of this.#written) this.#forget(key, written);
  }

  /** Notes that no requested page will come any more. */
  endPages(): void {
    this.endPage(this.#requested);
  }

  /** Reads every subject in doubt. One that changes meanwhile remains in doubt. @throws the error of the store */
  async settle(): Promise<void> {
    for (const written of this.#inDoubt) {
      const before = written.states;
      const found = await this.#parts.store.find(written.subject);
      if (written.states !== before) continue;
      this.#inDoubt.delete(written);
      this.#arriveAlone(written, found ?? nothingOf(written.subject), true);
      this.#forget(keyOfSubject(written.subject), written);
    }
  }

  #begin(subject: RevocationSubject): Written {
    const key = keyOfSubject(subject);
    const fresh: Written = { subject, underway: 0, states: 0, olderPages: 0 };
    const written = this.#written.get(key) ?? fresh;
    written.underway += 1;
    this.#written.set(key, written);
    return written;
  }

  /** A state that no page brought: pages that were requested before may be older, and may be later. */
  #arriveAlone(written: Written, watermark: Watermark, isNewest: boolean): void {
    this.#arrive(written, watermark, isNewest);
    written.olderPages = this.#requested;
  }

  /** @param isNewest whether the state is certainly not older than those before it */
  #arrive(written: Written, watermark: Watermark, isNewest: boolean): void {
    const { watermarks, clock } = this.#parts;
    written.states += 1;
    if (isNewest && !this.#inDoubt.has(written)) return watermarks.apply(watermark, clock.now());
    const known = watermarks.find(watermark) ?? nothingOf(watermark);
    if (refusesTheSame(known, watermark)) return;
    this.#inDoubt.add(written);
    watermarks.apply(strictestOf(known, watermark), clock.now());
  }

  /** Forgets a subject of which no older state can come. */
  #forget(key: string, written: Written): void {
    const { underway, olderPages } = written;
    if (underway === 0 && olderPages <= this.#applied && !this.#inDoubt.has(written)) this.#written.delete(key);
  }
}

function nothingOf({ provider, kind, id }: RevocationSubject): Watermark {
  return { provider, kind, id, issuedUntilMs: undefined, refusedUntilMs: undefined };
}
