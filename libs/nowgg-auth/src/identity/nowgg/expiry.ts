/** A smaller number is not a recent time; a number above the next constant is in milliseconds. */
const EARLIEST_EPOCH_SECONDS = 1e9;
const EARLIEST_EPOCH_MILLISECONDS = 1e11;
const LATEST_EPOCH_MILLISECONDS = 8.64e15;

/** `unreadable`: the value is not an expiry. `undefined`: there is no value, or it says nothing certain. */
export type Expiry = number | undefined | 'unreadable';

/**
 * Reads `token_expiry` and `refresh_token_expiry`, whose format now.gg does not state: an ISO or RFC date, epoch
 * seconds or epoch milliseconds, as string or number. Small positive numbers (perhaps a lifetime) say nothing certain
 * and count as absent.
 *
 * @returns epoch milliseconds
 */
export function readExpiry(value: unknown): Expiry {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return readEpoch(value);
  if (typeof value !== 'string') return 'unreadable';
  const text = value.trim();
  if (/^\d{1,16}$/.test(text)) return readEpoch(Number(text));
  // `Date.parse` accepts almost any text with a digit; a real date starts with a year or a weekday.
  if (!/^(?:\d{4}-\d{2}-\d{2}|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b)/.test(text)) return 'unreadable';
  const at = Date.parse(text);
  return Number.isNaN(at) ? 'unreadable' : at;
}

function readEpoch(value: number): Expiry {
  if (!Number.isFinite(value) || value <= 0) return 'unreadable';
  if (value < EARLIEST_EPOCH_SECONDS) return undefined;
  const ms = value > EARLIEST_EPOCH_MILLISECONDS ? value : value * 1000;
  return ms <= LATEST_EPOCH_MILLISECONDS ? ms : 'unreadable';
}
