/** Watermarks in one row: a value for each column, with the watermarks in the same order. Null for none. */
export interface PackedWatermarks {
  /** JSON. */
  readonly providers: string | null;
  /** JSON. */
  readonly kinds: string | null;
  /** JSON. */
  readonly ids: string | null;
  /** PostgreSQL's own eight bytes for each time; minus infinity stands for none. */
  readonly issued_until: Uint8Array | null;
  readonly refused_until: Uint8Array | null;
  readonly marked_at: Uint8Array | null;
  readonly not_after: Uint8Array | null;
}

/** Expressions for the columns of {@link PackedWatermarks}. @param isPacked condition on a row `known` */
export function packedColumns(isPacked: string): string {
  const texts = { providers: 'provider', kinds: 'kind', ids: 'subject_id' };
  const times = {
    issued_until: 'known.issued_until',
    refused_until: 'known.refused_until',
    marked_at: 'CASE WHEN known.issued_until IS NOT NULL THEN coalesce(known.marked_at, known.changed_at) END',
    not_after: 'known.not_after',
  };
  // Functions that change a row into bytes cost a fraction of those that change it into text.
  return [
    ...Object.entries(texts).map(
      ([name, column]) => `(json_agg(known.${column}) FILTER (WHERE ${isPacked}))::text AS ${name}`,
    ),
    ...Object.entries(times).map(
      ([name, time]) =>
        `string_agg(timestamptz_send(coalesce(${time}, '-infinity')), '') FILTER (WHERE ${isPacked}) AS ${name}`,
    ),
  ].join(',\n      ');
}

/** A watermark as the store has it. Times are epoch milliseconds. */
interface UnpackedWatermark<Kind> {
  readonly provider: string;
  readonly kind: Kind;
  readonly id: string;
  readonly issuedUntilMs: number | undefined;
  readonly refusedUntilMs: number | undefined;
  readonly markedAtMs: number | undefined;
  readonly notAfterMs: number | undefined;
}

export function unpackWatermarks<Kind extends string>(packed: PackedWatermarks): readonly UnpackedWatermark<Kind>[] {
  const ids = listOf(packed.ids);
  const [providers, kinds] = [listOf(packed.providers), listOf(packed.kinds)];
  const issuedUntil = timesOf(packed.issued_until);
  const refusedUntil = timesOf(packed.refused_until);
  const markedAt = timesOf(packed.marked_at);
  const notAfter = timesOf(packed.not_after);
  return ids.map((id, at) => ({
    provider: providers[at] as string,
    kind: kinds[at] as Kind,
    id,
    issuedUntilMs: timeAt(issuedUntil, at),
    refusedUntilMs: timeAt(refusedUntil, at),
    markedAtMs: timeAt(markedAt, at),
    notAfterMs: timeAt(notAfter, at),
  }));
}

/** The first instant of the year 2000, from which PostgreSQL counts, in microseconds. */
const YEAR_2000_US = Date.UTC(2000, 0) * 1_000;
const TIME_BYTES = 8;
const HIGH = 2 ** 32;
const [MINUS_INFINITY, INFINITY] = [-(2 ** 63), 2 ** 63];

function listOf(json: string | null): readonly string[] {
  return JSON.parse(json ?? '[]') as string[];
}

function timesOf(bytes: Uint8Array | null): DataView {
  return bytes ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new DataView(new ArrayBuffer(0));
}

/** A time in epoch milliseconds; undefined for none. */
function timeAt(times: DataView, at: number): number | undefined {
  const microseconds = times.getInt32(at * TIME_BYTES) * HIGH + times.getUint32(at * TIME_BYTES + 4);
  if (microseconds === MINUS_INFINITY) return undefined;
  return microseconds === INFINITY ? Number.POSITIVE_INFINITY : (microseconds + YEAR_2000_US) / 1_000;
}
