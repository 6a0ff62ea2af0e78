/** The watermarks of one provider and kind in one row: a value for each column, in the same order. Null for none. */
export interface PackedWatermarks {
  readonly provider: string | null;
  readonly kind: string | null;
  /** JSON. */
  readonly ids: string | null;
  /**
   * PostgreSQL's own eight bytes for each of the four times of a watermark; minus infinity stands for none. Then a byte:
   * 1 for the end of a session because of a sign-in elsewhere, otherwise 0.
   */
  readonly times: Uint8Array | null;
}

/** Expressions for the columns of {@link PackedWatermarks}. @param rows rows of watermarks, grouped by both */
export function packedColumns(rows: string): string {
  const times = [
    `${rows}.issued_until`,
    `${rows}.refused_until`,
    `CASE WHEN ${rows}.issued_until IS NOT NULL THEN coalesce(${rows}.marked_at, ${rows}.changed_at) END`,
    `${rows}.not_after`,
  ];
  // Functions that change a time into bytes cost a fraction of those that change it into text. With few aggregates the
  // planner takes a hash table for the groups, and sorts nothing.
  return `${rows}.provider, ${rows}.kind, json_agg(${rows}.subject_id)::text AS ids,
      string_agg(${times.map((time) => `timestamptz_send(coalesce(${time}, '-infinity'))`).join('\n        || ')}
        || CASE WHEN ${ofElsewhere(rows)} THEN '\\x01'::bytea ELSE '\\x00'::bytea END, '') AS times`;
}

/**
 * Whether a row was written because of a sign-in elsewhere. The column is that of the reason of a ban, and means this
 * only in a row without a ban.
 */
export function ofElsewhere(row: string): string {
  return `(${row}.reason_code IS NOT NULL AND ${row}.reason_code = '${ELSEWHERE}' AND ${row}.refused_until IS NULL)`;
}

const ELSEWHERE = 'signed_in_elsewhere';

/** A watermark as the store has it. Times are epoch milliseconds. */
interface UnpackedWatermark<Kind> {
  readonly provider: string;
  readonly kind: Kind;
  readonly id: string;
  readonly issuedUntilMs: number | undefined;
  readonly refusedUntilMs: number | undefined;
  readonly markedAtMs: number | undefined;
  readonly notAfterMs: number | undefined;
  readonly cause?: typeof ELSEWHERE;
}

/**
 * The watermarks of rows, in their order. Each is made when it is asked for: with all of a page in memory at a time, the
 * garbage collector would copy them while they are applied, which takes longer than to make them.
 */
export function unpackWatermarks<Kind extends string>(
  rows: readonly PackedWatermarks[],
): Iterable<UnpackedWatermark<Kind>> {
  return { [Symbol.iterator]: () => watermarksOf<Kind>(rows) };
}

function* watermarksOf<Kind extends string>(rows: readonly PackedWatermarks[]): Generator<UnpackedWatermark<Kind>> {
  for (const { provider, kind, ids, times: bytes } of rows) {
    if (provider === null || ids === null) continue;
    const times = timesOf(bytes);
    for (const [at, id] of (JSON.parse(ids) as string[]).entries()) {
      const unpacked = {
        provider,
        kind: kind as Kind,
        id,
        issuedUntilMs: timeAt(times, at, 0),
        refusedUntilMs: timeAt(times, at, 1),
        markedAtMs: timeAt(times, at, 2),
        notAfterMs: timeAt(times, at, 3),
      };
      yield times.getUint8(at * MARK_BYTES + FLAG_AT) === 1 ? { ...unpacked, cause: ELSEWHERE } : unpacked;
    }
  }
}

/** The first instant of the year 2000, from which PostgreSQL counts, in microseconds. */
const YEAR_2000_US = Date.UTC(2000, 0) * 1_000;
const TIME_BYTES = 8;
const FLAG_AT = 4 * TIME_BYTES;
const MARK_BYTES = FLAG_AT + 1;
const HIGH = 2 ** 32;
const [MINUS_INFINITY, INFINITY] = [-(2 ** 63), 2 ** 63];

function timesOf(bytes: Uint8Array | null): DataView {
  return bytes ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new DataView(new ArrayBuffer(0));
}

/** A time in epoch milliseconds; undefined for none. */
function timeAt(times: DataView, mark: number, time: number): number | undefined {
  const at = mark * MARK_BYTES + time * TIME_BYTES;
  const microseconds = times.getInt32(at) * HIGH + times.getUint32(at + 4);
  if (microseconds === MINUS_INFINITY) return undefined;
  return microseconds === INFINITY ? Number.POSITIVE_INFINITY : (microseconds + YEAR_2000_US) / 1_000;
}
