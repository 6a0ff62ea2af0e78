import type { SessionClock } from './clock.js';

/** The backend's answer to a sign-in or a refresh. */
export interface TokenReply {
  readonly token: string;
  /** Epoch milliseconds of the backend's clock; NaN when the answer does not say. */
  readonly tokenExpiresAt: number;
  readonly generation: number;
  /** The session handle; when absent, the handle does not change. */
  readonly session: string | undefined;
  readonly user: unknown;
}

/** In place of the session handle of an adopted token that the backend cannot refresh. */
export const noHandle = '-';

/** The kept record of a session. Times are epoch milliseconds of this machine's clock. */
export interface SessionRecord {
  /**
   * Created at sign-in and kept until sign-out: distinguishes a newer token of this session from one of another
   * sign-in.
   */
  readonly id: string;
  readonly session: string;
  readonly token: string;
  readonly generation: number;
  readonly obtainedAt: number;
  /** NaN, or null in a storage, when the backend did not say. */
  readonly expiresAt: number;
}

/** Share of a token's lifetime after which the client requests a new one. */
const shareOfLife = 0.9;

export const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
// Any other text would be refused as a header value, in an error that quotes it.
const isToken = (value: unknown): value is string => isText(value) && /^[\w.~+/=-]+$/.test(value);
const isFinite = (value: unknown): value is number => Number.isFinite(value);

/** @returns `undefined` for everything that is not a reply of the backend */
export function readTokenReply(body: unknown): TokenReply | undefined {
  const { token, tokenExpiresAt, generation, session, user } = Object(body) as Record<string, unknown>;
  if (!isToken(token) || !isFinite(generation)) return undefined;
  return {
    token,
    generation,
    tokenExpiresAt: Date.parse(tokenExpiresAt as string),
    session: isText(session) ? session : undefined,
    user,
  };
}

/** Builds the record for a reply, of a new sign-in or after another record of the same session. */
export function recordOf(reply: TokenReply, before: { id: string; session: string }, clock: SessionClock) {
  const record: SessionRecord = {
    id: before.id,
    session: reply.session ?? before.session,
    token: reply.token,
    generation: reply.generation,
    obtainedAt: clock.now(),
    expiresAt: reply.tokenExpiresAt,
  };
  return record;
}

/** @returns `undefined` when nothing is stored, or something that this package did not write */
export function parseRecord(text: string | null): SessionRecord | undefined {
  try {
    const record = JSON.parse(text as string) as SessionRecord;
    const { session, token, generation } = record;
    // Values that are not times count as unknown times.
    return isText(session) && isToken(token) && isFinite(generation) ? record : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The end of the token's lifetime as far as this machine's clock can tell. A clock by which the token had expired
 * before it arrived cannot be trusted: then only a 401 shows the end.
 */
const endOf = ({ obtainedAt, expiresAt }: SessionRecord) => (expiresAt > obtainedAt ? expiresAt : Infinity);

export const isExpired = (record: SessionRecord, now: number) => now >= endOf(record);

/** Whether so much of the token's lifetime has passed that the client should request the next one. */
export const isDue = (record: SessionRecord, now: number) =>
  now >= record.obtainedAt + (endOf(record) - record.obtainedAt) * (record.session === noHandle ? 1 : shareOfLife);
