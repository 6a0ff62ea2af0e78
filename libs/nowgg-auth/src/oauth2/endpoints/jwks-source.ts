import { createLocalJWKSet, errors, type CryptoKey, type JSONWebKeySet, type JWSHeaderParameters } from 'jose';
import { isJsonObject, ownProperty } from '../../identity/claims.js';
import type { NowggClock } from '../../clock.js';
import type { IdentityHttpOutcome } from '../../identity/identity-http.js';
import type { UnknownReason } from '../../identity/reasons.js';
import { CachedDocument, type Loading, type MissCause } from './cached-document.js';

/** A fetched key set. */
export interface Keys {
  readonly set: JSONWebKeySet;
  readonly find: ReturnType<typeof createLocalJWKSet>;
}

type KeyReply = Extract<IdentityHttpOutcome, { status: 'reply' }>;

/** The result of the search for the key of one token. */
type KeySearch<T> =
  | { readonly status: 'found'; readonly value: T }
  /** The issuer has no such key. */
  | { readonly status: 'none' }
  | { readonly status: 'unknown'; readonly reason: UnknownReason; readonly retryAfterMs?: number | undefined };

/**
 * Tries keys that match a token's header. Undefined when none of them signed it and a newer key set might help.
 *
 * @param keys at least one, at most eight
 */
type KeyTrial<T> = (keys: readonly CryptoKey[]) => Promise<T | undefined>;

/** Maximum number of keys that are tried for one header, to limit the cost of a forged token. */
const MOST_FITTING = 8;

interface JwksSourceOptions {
  /** Name of the identity provider. */
  readonly provider: string;
  readonly clock: NowggClock;
  /** Fetches the key set. */
  readonly load: (signal: AbortSignal) => Promise<Loading<Keys>>;
  /** Time for which keys are used while the key set cannot be fetched, in milliseconds. */
  readonly maxStaleMs: number;
}

/**
 * The issuer's public keys. They are fetched only from addresses in configuration and metadata, never from one that a
 * token names. In an outage fetched keys are still used, for `keysMaxStaleMs` at most.
 */
export class JwksSource {
  readonly #document: CachedDocument<Keys>;

  constructor(options: JwksSourceOptions) {
    this.#document = new CachedDocument(options);
  }

  /**
   * Tries the keys that match this header, the known ones first. Fetches the set again, at most once per cool-down,
   * when none matches or the trial needs more. `none` requires a set that was requested after this call started.
   *
   * @param cause whether the header comes from a presented token or from a reply of the identity system
   */
  async findAll<T>(
    cause: MissCause,
    header: JWSHeaderParameters,
    signal: AbortSignal,
    trial: KeyTrial<T>,
  ): Promise<KeySearch<T>> {
    const since = this.#document.fetches;
    let document: Loading<Keys> | undefined = await this.#document.get(signal);
    while (document?.status === 'loaded') {
      const keys = await fittingKeys(document.value, header);
      if (keys === 'unusable') return { status: 'none' };
      const value = keys.length === 0 ? undefined : await trial(keys);
      if (value !== undefined) return { status: 'found', value };
      document = await this.#document.refetchAfterMiss(cause, document.value, since, signal);
    }
    return document ? { ...document, status: 'unknown' } : { status: 'none' };
  }

  /** All keys, for a library that makes its own choice. */
  async all(signal: AbortSignal): Promise<Loading<JSONWebKeySet>> {
    const document = await this.#document.get(signal);
    return document.status === 'loaded' ? { status: 'loaded', value: document.value.set } : document;
  }
}

/**
 * Parses a key set that is not declared as JSON, as by a static file server: keys are public, and only a well-formed set
 * is used. Undefined for any other body.
 */
export function undeclaredJson({ body, headers }: Pick<KeyReply, 'body' | 'headers'>): unknown {
  if (!body || headers?.['content-encoding'] !== undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

/** Reads a fetched key set; undefined when it is not one. */
export function readKeys(value: unknown): Keys | undefined {
  return isKeySet(value) ? { set: value, find: createLocalJWKSet(value) } : undefined;
}

/** An empty set is not accepted, because it would refuse every token: it is a fault of the issuer, not a withdrawal. */
function isKeySet(value: unknown): value is JSONWebKeySet {
  const keys = ownProperty(value, 'keys');
  return Array.isArray(keys) && keys.length > 0 && keys.every(isJsonObject);
}

/** Keys that match a header; empty for none. `unusable`: one matches but cannot verify, as in any newer set. */
async function fittingKeys(keys: Keys, header: JWSHeaderParameters): Promise<readonly CryptoKey[] | 'unusable'> {
  try {
    return [await keys.find(header)];
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return [];
    return error instanceof errors.JWKSMultipleMatchingKeys ? severalKeys(error) : 'unusable';
  }
}

/** For a header without `kid` during a key rotation, or with one `kid` for several keys. */
async function severalKeys(candidates: errors.JWKSMultipleMatchingKeys): Promise<readonly CryptoKey[] | 'unusable'> {
  const keys: CryptoKey[] = [];
  for await (const key of candidates) {
    keys.push(key);
    if (keys.length === MOST_FITTING) break;
  }
  return keys.length === 0 ? 'unusable' : keys;
}
