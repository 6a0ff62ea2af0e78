import { createLocalJWKSet, errors, type CryptoKey, type JSONWebKeySet, type JWSHeaderParameters } from 'jose';
import { isJsonObject, ownProperty } from '../identity/claims.js';
import type { UnknownReason } from '../identity/reasons.js';
import { LastingDocument, type Loading } from './lasting-document.js';
import type { OAuth2Client } from './oauth2-client.js';

type Found = Extract<KeyFinding, { readonly status: 'key' }>;

/** A key set as it was fetched. */
export interface Keys {
  readonly set: JSONWebKeySet;
  readonly find: ReturnType<typeof createLocalJWKSet>;
  /** Keys that were found, by algorithm and `kid`: never more than the set holds. */
  readonly found: Map<string, Found>;
}

/** The key that a token's header names. */
export type KeyFinding =
  | { readonly status: 'key'; readonly key: CryptoKey }
  /** The issuer has no such key. */
  | { readonly status: 'none' }
  | { readonly status: 'unknown'; readonly reason: UnknownReason; readonly retryAfterMs?: number | undefined };

/**
 * The issuer's public keys. Only addresses from configuration and metadata are asked, never one that a token names; keys
 * that were once fetched go on serving in an outage.
 */
export class JwksSource {
  readonly #document: LastingDocument<Keys>;

  constructor(client: OAuth2Client) {
    this.#document = new LastingDocument({
      provider: client.settings.name,
      clock: client.clock,
      load: (signal) => loadKeys(client, signal),
    });
  }

  /** The key set at hand unless it needs renewal: spares the first use of most tokens every wait. */
  known(): Keys | undefined {
    return this.#document.peek();
  }

  /** The key for this header, fetched anew at most once per cool-down when it is not among those at hand. */
  async find(header: JWSHeaderParameters, signal: AbortSignal): Promise<KeyFinding> {
    const since = this.#document.fetches;
    const document = await this.#document.get(signal);
    if (document.status === 'failed') return { ...document, status: 'unknown' };
    const found = await keyOf(document.value, header);
    if (found !== 'missing') return found;
    const renewed = await this.#document.renewForMiss(since, signal);
    if (!renewed) return { status: 'none' };
    if (renewed.status === 'failed') return { ...renewed, status: 'unknown' };
    const newlyFound = await keyOf(renewed.value, header);
    return newlyFound === 'missing' ? { status: 'none' } : newlyFound;
  }

  /** All keys, for a library that chooses by itself. */
  async all(signal: AbortSignal): Promise<Loading<JSONWebKeySet>> {
    return setOf(await this.#document.get(signal));
  }

  /** All keys, newer ones if there may be any: for a library that did not find its key in {@link all}. */
  async allForMiss(signal: AbortSignal): Promise<Loading<JSONWebKeySet>> {
    const renewed = await this.#document.renewForMiss(this.#document.fetches, signal);
    return renewed ? setOf(renewed) : this.all(signal);
  }
}

function setOf(loading: Loading<Keys>): Loading<JSONWebKeySet> {
  return loading.status === 'loaded' ? { status: 'loaded', value: loading.value.set } : loading;
}

async function loadKeys(client: OAuth2Client, signal: AbortSignal): Promise<Loading<Keys>> {
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return metadata;
  const url = metadata.value.jwks_uri;
  if (url === undefined) return { status: 'failed', reason: 'nonsense' };
  const call = client.call(signal, true);
  const reply = await call.ask(url, { accept: 'application/jwk-set+json, application/json' });
  if (reply?.statusCode !== 200) return { reason: 'nonsense', ...call.failure(), status: 'failed' };
  const set = reply.json;
  if (!isKeySet(set)) return { status: 'failed', reason: 'nonsense' };
  return { status: 'loaded', value: { set, find: createLocalJWKSet(set), found: new Map() } };
}

/** An empty set would refuse every token: an issuer without keys has a bad day, it has not withdrawn all of them. */
function isKeySet(value: unknown): value is JSONWebKeySet {
  const keys = ownProperty(value, 'keys');
  return Array.isArray(keys) && keys.length > 0 && keys.every(isJsonObject);
}

/** Under which {@link Keys.found} knows a key. */
export function keyName({ alg, kid }: JWSHeaderParameters): string {
  return `${alg} ${kid}`;
}

async function keyOf(keys: Keys, header: JWSHeaderParameters): Promise<KeyFinding | 'missing'> {
  const name = keyName(header);
  const known = keys.found.get(name);
  if (known) return known;
  try {
    const finding: Found = { status: 'key', key: await keys.find(header) };
    if (header.kid !== undefined) keys.found.set(name, finding);
    return finding;
  } catch (error) {
    // Several keys and no `kid`, or a key that cannot verify: a newer set would not help.
    return error instanceof errors.JWKSNoMatchingKey ? 'missing' : { status: 'none' };
  }
}
