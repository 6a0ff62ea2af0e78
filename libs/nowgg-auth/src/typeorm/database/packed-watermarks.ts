/** The watermarks of one provider and kind in one row: a value for each column, in the same order. Null for none. */
export interface PackedWatermarks {
  readonly provider: string | null;
  readonly kind: string | null;
  /** JSON. */
  readonly ids: string | null;
  /** PostgreSQL's own eight bytes for each time; minus infinity stands for none. */
  readonly issued_until: Uint8Array | null;
  readonly refused_until: Uint8Array | null;
  readonly marked_at: Uint8Array | null;
  readonly not_after: Uint8Array | null;
}

/** Expressions for the columns of {@link PackedWatermarks}. @param rows rows of watermarks, grouped by both */
export function packedColumns(rows: string): string {
  const times = {
    issued_until: `${rows}.issued_until`,
    refused_until: `${rows}.refused_until`,
    marked_at: `CASE WHEN ${rows}.issued_until IS NOT NULL THEN coalesce(${rows}.marked_at, ${rows}.changed_at) END`,
    not_after: `${rows}.not_after`,
  };
  // Functions that change a row into bytes cost a fraction of those that change it into text.
  return [
    `${rows}.provider, ${rows}.kind, json_agg(${rows}.subject_id)::text AS ids`,
    ...Object.entries(times).map(
      ([name, time]) => `string_agg(timestamptz_send(coalesce(${time}, '-infinity')), '') AS ${name}`,
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
  const { provider, kind, ids } = packed;
  if (provider === null || ids === null) return [];
  const issuedUntil = timesOf(packed.issued_until);
  const refusedUntil = timesOf(packed.refused_until);
  const markedAt = timesOf(packed.marked_at);
  const notAfter = timesOf(packed.not_after);
  return (JSON.parse(ids) as string[]).map((id, at) => ({
    provider,
    kind: kind as Kind,
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

function timesOf(bytes: Uint8Array | null): DataView {
  return bytes ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new DataView(new ArrayBuffer(0));
}

/** A time in epoch milliseconds; undefined for none. */
function timeAt(times: DataView, at: number): number | undefined {
  const microseconds = times.getInt32(at * TIME_BYTES) * HIGH + times.getUint32(at * TIME_BYTES + 4);
  if (microseconds === MINUS_INFINITY) return undefined;
  return microseconds === INFINITY ? Number.POSITIVE_INFINITY : (microseconds + YEAR_2000_US) / 1_000;
}
