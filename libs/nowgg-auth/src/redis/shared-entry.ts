import { isIdentifier, isJsonObject, freezeClaims } from '../identity/claims.js';
import type { TokenFacts } from '../principal.js';

/** A verdict as it lies in Redis, sealed. */
export interface SharedEntry {
  readonly facts: TokenFacts;
  /** When the question was sent, by the wall clock of the process that wrote it. Epoch milliseconds. */
  readonly askedAtMs: number;
  /** How old the verdict was when it was written, milliseconds. */
  readonly writtenAgeMs: number;
  /** Time to live with which it was written, milliseconds. */
  readonly lifetimeMs: number;
}

/** Two processes' clocks may differ by this much; an entry from further ahead is not believed. */
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
  'claims',
]);

/** The text that is sealed. */
export function writeEntry({ facts, askedAtMs, writtenAgeMs, lifetimeMs }: SharedEntry): string {
  return JSON.stringify([askedAtMs, writtenAgeMs, lifetimeMs, facts]);
}

/** The entry that {@link writeEntry} wrote, deeply frozen; undefined for everything else. */
export function readEntry(text: string): SharedEntry | undefined {
  const parsed = parseJson(text);
  if (!Array.isArray(parsed) || parsed.length !== 4) return undefined;
  const [askedAtMs, writtenAgeMs, lifetimeMs, given] = parsed as unknown[];
  const facts = readFacts(given);
  if (!facts || !isTime(askedAtMs) || !isTime(writtenAgeMs) || !isTime(lifetimeMs)) return undefined;
  return { facts, askedAtMs, writtenAgeMs, lifetimeMs };
}

/**
 * How old a verdict is, by whichever clock makes it older: ours, or Redis' own by the time to live that is left.
 * Undefined when it cannot be believed: it has no end, lives longer than it was given, comes from the future, or is
 * over by our clock while Redis still keeps it (frozen, restored from a copy, with a clock that was set back).
 *
 * @param leftMs what PTTL answered
 */
export function entryAgeMs(entry: SharedEntry, leftMs: number, nowMs: number): number | undefined {
  const { askedAtMs, writtenAgeMs, lifetimeMs } = entry;
  const byOurClock = nowMs - askedAtMs;
  if (!(leftMs > 0 && leftMs <= lifetimeMs) || byOurClock < -CLOCK_SKEW_MS) return undefined;
  const ageMs = Math.max(byOurClock, writtenAgeMs + lifetimeMs - leftMs, 0);
  return ageMs < writtenAgeMs + lifetimeMs ? ageMs : undefined;
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
