import { isIdentifier, isJsonObject, freezeClaims } from '../identity/claims.js';
import type { TokenFacts } from '../principal.js';

/** A verdict as Redis stores it, encrypted. */
export interface SharedEntry {
  readonly facts: TokenFacts;
  /** Time of the request, by the wall clock of the process that wrote the entry. Epoch milliseconds. */
  readonly askedAtMs: number;
  /** Age of the verdict when it was written, in milliseconds. */
  readonly writtenAgeMs: number;
  /** Time to live that the entry was written with, in milliseconds. */
  readonly keptMs: number;
  /** Age up to which the verdict is used without asking again, in milliseconds. */
  readonly lifeMs: number;
  /** Whether the identity system has verified the token. False for a token that it has just issued. */
  readonly isVerified: boolean;
}

/** Tolerated difference between the clocks of two processes; an entry from further in the future is not trusted. */
const CLOCK_SKEW_MS = 5_000;

const REQUIRED_TEXTS = ['provider', 'clientKey', 'issuer'] as const;
const OPTIONAL_TIMES = ['expiresAtMs', 'issuedAtMs', 'authTimeMs'] as const;
const OPTIONAL_TEXTS = [
  'subject',
  'sessionId',
  'tokenId',
  'email',
  'mobile',
  'name',
  'picture',
  'countryCode',
] as const;
const FACTS = new Set<string>([
  ...REQUIRED_TEXTS,
  ...OPTIONAL_TIMES,
  ...OPTIONAL_TEXTS,
  'tokenType',
  'userId',
  'scopes',
  'areScopesUnstated',
  'claims',
]);

/** Serialises an entry to the text that is encrypted. */
export function writeEntry({ facts, askedAtMs, writtenAgeMs, keptMs, lifeMs, isVerified }: SharedEntry): string {
  return JSON.stringify([askedAtMs, writtenAgeMs, keptMs, lifeMs, isVerified, facts]);
}

/** Parses an entry that {@link writeEntry} wrote, deeply frozen; undefined for everything else. */
export function readEntry(text: string): SharedEntry | undefined {
  const parsed = parseJson(text);
  if (!Array.isArray(parsed) || parsed.length !== 6) return undefined;
  const [askedAtMs, writtenAgeMs, keptMs, lifeMs, isVerified, given] = parsed as unknown[];
  const facts = readFacts(given);
  if (!facts || !isTime(askedAtMs) || !isTime(writtenAgeMs) || !isTime(keptMs) || !isTime(lifeMs)) return undefined;
  if (typeof isVerified !== 'boolean') return undefined;
  return { facts, askedAtMs, writtenAgeMs, keptMs, lifeMs, isVerified };
}

/**
 * The age of a verdict, by the clock that makes it older: ours, or that of Redis by the remaining time to live.
 * Undefined when the entry cannot be trusted: it never expires, lives longer than it was written for, comes from the
 * future, or has expired by our clock while Redis still keeps it (frozen, restored from a copy, clock set back).
 *
 * @param leftMs the answer of PTTL
 */
export function entryAgeMs(entry: SharedEntry, leftMs: number, nowMs: number): number | undefined {
  const { askedAtMs, writtenAgeMs, keptMs } = entry;
  const byOurClock = nowMs - askedAtMs;
  if (!(leftMs > 0 && leftMs <= keptMs) || byOurClock < -CLOCK_SKEW_MS) return undefined;
  const ageMs = Math.max(byOurClock, writtenAgeMs + keptMs - leftMs, 0);
  return ageMs < writtenAgeMs + keptMs ? ageMs : undefined;
}

function readFacts(given: unknown): TokenFacts | undefined {
  if (!isJsonObject(given) || !Object.keys(given).every((name) => FACTS.has(name))) return undefined;
  const isSound =
    REQUIRED_TEXTS.every((name) => isText(given[name])) &&
    OPTIONAL_TIMES.every((name) => given[name] === undefined || isTime(given[name])) &&
    OPTIONAL_TEXTS.every((name) => given[name] === undefined || isText(given[name])) &&
    (given.tokenType === 'token' || given.tokenType === 'id_token') &&
    isIdentifier(given.userId) &&
    Array.isArray(given.scopes) &&
    (given.areScopesUnstated === undefined || given.areScopesUnstated === true) &&
    given.scopes.every(isText) &&
    isJsonObject(given.claims);
  if (!isSound) return undefined;
  const facts = given as unknown as TokenFacts;
  return Object.freeze({ ...facts, scopes: Object.freeze([...facts.scopes]), claims: freezeClaims(facts.claims) });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
