import type { RevocationStore } from '../../../libs/nowgg-auth/src/revocation/revocation-store.js';
import type { Watermark } from '../../../libs/nowgg-auth/src/revocation/marks/watermark.js';

export function ban(id: string): Watermark {
  return { provider: 'nowgg', kind: 'user', id, issuedUntilMs: Date.now(), refusedUntilMs: undefined };
}

/** Reads all pages from a cursor on, as a feed does. @param between called after each page but the last */
export async function readAll(
  store: RevocationStore,
  from?: string,
  between: (page: number) => Promise<void> = async () => undefined,
): Promise<{ readonly watermarks: readonly Watermark[]; readonly ids: readonly string[]; readonly cursor: string }> {
  const watermarks: Watermark[] = [];
  let cursor = from;
  for (let page = 1; ; page += 1) {
    const changes = await store.changesSince(cursor);
    watermarks.push(...changes.watermarks);
    ({ cursor } = changes);
    if (!changes.isPartial) return { watermarks, ids: watermarks.map(({ id }) => id), cursor };
    await between(page);
  }
}

interface Times {
  readonly at: string;
  readonly wholeAt: string;
  readonly seen: readonly { readonly since: string; readonly xmin: string }[];
}

const shifted = (time: string, seconds: number) =>
  time === '-infinity' ? time : new Date(Date.parse(time) + seconds * 1_000).toISOString();

/** The cursor as if a second had passed: the next reading goes back by the whole overlap. */
export function dueForAWholeReading(cursor: string): string {
  const state = JSON.parse(cursor) as Times;
  return JSON.stringify({ ...state, wholeAt: shifted(state.wholeAt, -1) });
}

/** The cursor as it is after the clock of the database was set back: its times are ahead. */
export function setBack(cursor: string, seconds: number): string {
  const { at, wholeAt, seen, ...rest } = JSON.parse(cursor) as Times;
  const sights = seen.map(({ since, xmin }) => ({ since: shifted(since, seconds), xmin }));
  return JSON.stringify({ ...rest, at: shifted(at, seconds), wholeAt: shifted(wholeAt, seconds), seen: sights });
}

/** Counts what a feed reads of a store. */
export function countReading(store: RevocationStore) {
  const read = { pages: 0, largestPage: 0, watermarks: 0 };
  const changesSince = store.changesSince.bind(store);
  store.changesSince = async (...args) => {
    const changes = await changesSince(...args);
    read.pages += 1;
    const count = [...changes.watermarks].length;
    read.largestPage = Math.max(read.largestPage, count);
    read.watermarks += count;
    return changes;
  };
  return read;
}
