import { hash } from 'node:crypto';
import { type CryptoKey, decodeProtectedHeader, importJWK, type JWK, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { NowggClock } from '../clock.js';
import { isIdentifier, isJsonObject, ownProperty } from '../identity/claims.js';
import type { ProofFault, ProofFinding, ProofsOfPossession, ProvenRequest } from '../identity/proof-of-possession.js';
import { MAX_TOKEN_LENGTH } from '../identity/token-text.js';
import { isCanonicalJws } from '../identity/unverified-jws.js';
import { isSecureUrl } from '../identity/urls.js';
import { ProofNonces } from './proof-nonces.js';
import { arrayOf, faultsOf, isText, matching, type Rules, wholeNumber } from '../rules.js';

/** Acceptance of access tokens that are bound to a key of the client (DPoP, RFC 9449). */
export interface DpopOptions {
  /**
   * The address of this API as clients know it, such as `https://api.example.com`, with a path where a proxy removes one;
   * or several. The `htu` of a proof is compared with it and the path of the request, never with `Host` or a forwarded
   * header.
   */
  publicUrl: string | readonly string[];
  /** Accepted signature algorithms of proofs; asymmetric ones only. Default ES256, ES384, EdDSA and Ed25519. */
  algorithms?: readonly string[];
  /** Time for which a proof is accepted after its `iat`, in milliseconds, 1,000 to 300,000. Default 60,000. */
  proofLifeMs?: number;
  /**
   * Makes nonces that proofs must contain, for clients whose clocks are wrong: 32 characters or more, the same in all
   * processes, such as `openssl rand -base64 32` prints. A proof without a nonce of the last one to two
   * {@link proofLifeMs} gets 401 `use_dpop_nonce` with one in `DPoP-Nonce`; with it, its `iat` is not judged. Default:
   * proofs need no nonce.
   */
  nonceSecret?: string;
}

/** {@link DpopOptions} with every value. */
export interface DpopSettings {
  readonly publicUrls: readonly string[];
  readonly algorithms: readonly string[];
  readonly proofLifeMs: number;
  readonly nonceSecret: string | undefined;
}

const isAsymmetric = matching(/^(?:RS|PS|ES)(?:256|384|512)$|^EdDSA$|^Ed25519$/);
const DEFAULT_ALGORITHMS: readonly string[] = ['ES256', 'ES384', 'EdDSA', 'Ed25519'];
const DEFAULT_LIFE_MS = 60_000;

const RULES: Rules<keyof DpopOptions> = {
  publicUrl: [
    (value) => isPublicUrl(value) || arrayOf(isPublicUrl, 1)(value),
    'must be the address of this API, https or loopback, without query or fragment',
    'required',
  ],
  algorithms: [arrayOf(isAsymmetric, 1), 'must be asymmetric signature algorithms'],
  proofLifeMs: [wholeNumber(1_000, 300_000), 'must be an integer from 1000 to 300000 (milliseconds)'],
  nonceSecret: [isNonceSecret, 'must be a text of 32 to 2048 characters, or absent'],
};

/** Faults of the option `dpop` of a method. */
export function dpopFaults(options: unknown, name: string): string[] {
  return options === undefined ? [] : faultsOf(RULES, options, `${name}.`);
}

/** The option with its defaults, for validated options. */
export function dpopSettings({ publicUrl, algorithms, proofLifeMs, nonceSecret }: DpopOptions): DpopSettings {
  return Object.freeze({
    publicUrls: Object.freeze(typeof publicUrl === 'string' ? [publicUrl] : [...publicUrl]),
    algorithms: Object.freeze([...(algorithms ?? DEFAULT_ALGORITHMS)]),
    proofLifeMs: proofLifeMs ?? DEFAULT_LIFE_MS,
    nonceSecret,
  });
}

function isNonceSecret(value: unknown): boolean {
  return isText(value) && value.length >= 32;
}

function isPublicUrl(value: unknown): boolean {
  if (!isSecureUrl(value, false) || value.includes('?') || value.includes('#')) return false;
  const { username, password } = new URL(value);
  return username === '' && password === '';
}

/**
 * The members of a public key that its thumbprint covers, in the order of their names (RFC 7638 section 3.2, RFC 8037
 * section 2).
 */
const MEMBERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['EC', ['crv', 'kty', 'x', 'y']],
  ['OKP', ['crv', 'kty', 'x']],
  ['RSA', ['e', 'kty', 'n']],
]);
/** Members that only private and symmetric keys have. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
/** A longer key of RSA costs more to use than a player needs. */
const LONGEST_MODULUS = 700;
const MOST_KEYS = 5_000;

/** A proof whose header is in order. */
interface ReadProof {
  readonly algorithm: string;
  /** With the members of its thumbprint, in their order. */
  readonly jwk: JWK;
}

/** Checks proofs as section 4.3 of RFC 9449 says, except whether they were used before. */
export class DpopProofs implements ProofsOfPossession {
  readonly algorithms: readonly string[];
  readonly settings: string;
  readonly #settings: DpopSettings;
  readonly #clock: NowggClock;
  readonly #clockSkewMs: number;
  readonly #nonces: ProofNonces | undefined;
  /** Imported keys by algorithm and thumbprint: importing one costs as much as a verification. */
  readonly #keys = new LRUCache<string, CryptoKey>({ max: MOST_KEYS });

  constructor(settings: DpopSettings, clock: NowggClock, clockSkewMs: number) {
    this.#settings = settings;
    this.#clock = clock;
    this.#clockSkewMs = clockSkewMs;
    this.algorithms = settings.algorithms;
    const { publicUrls, algorithms, proofLifeMs, nonceSecret } = settings;
    this.#nonces = nonceSecret === undefined ? undefined : new ProofNonces(nonceSecret, proofLifeMs, clock);
    this.settings = hash('sha256', JSON.stringify([publicUrls, algorithms, proofLifeMs, nonceSecret ?? '']));
  }

  nonce(): string | undefined {
    return this.#nonces?.current();
  }

  async check(proof: string, request: ProvenRequest): Promise<ProofFinding> {
    if (proof.length > MAX_TOKEN_LENGTH || !isCanonicalJws(proof)) return refused('form');
    const read = this.#read(proof);
    if (!read) return refused('key');
    try {
      // As jose computes it, without its two turns of the event loop.
      const thumbprint = hash('sha256', JSON.stringify(read.jwk), 'base64url');
      const { payload } = await jwtVerify(proof, await this.#keyOf(read, thumbprint), {
        algorithms: [read.algorithm],
        currentDate: new Date(this.#clock.now()),
      });
      const fault = this.#faultOf(payload, request);
      if (fault) return refused(fault);
      // With a nonce, a proof is good for as long as that.
      const lifeMs = this.#settings.proofLifeMs * (this.#nonces ? 2 : 1) + this.#clockSkewMs;
      return { status: 'proven', thumbprint, id: payload.jti as string, lifeMs };
    } catch {
      return refused('signature');
    }
  }

  /** Reads the header: its type, an accepted algorithm, and a public key and nothing else. */
  #read(proof: string): ReadProof | undefined {
    try {
      const { typ, alg, jwk, crit } = decodeProtectedHeader(proof);
      if (String(typ).toLowerCase() !== 'dpop+jwt' || crit !== undefined) return undefined;
      if (typeof alg !== 'string' || !this.#settings.algorithms.includes(alg) || !isJsonObject(jwk)) return undefined;
      const names = MEMBERS.get(String(jwk.kty)) ?? [];
      const members = names.map((name) => [name, ownProperty(jwk, name)] as const);
      const isPublic = !PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name));
      const isWhole = members.every(([, value]) => typeof value === 'string' && value.length <= LONGEST_MODULUS);
      if (members.length === 0 || !isPublic || !isWhole) return undefined;
      return { algorithm: alg, jwk: Object.fromEntries(members) as unknown as JWK };
    } catch {
      return undefined;
    }
  }

  async #keyOf({ algorithm, jwk }: ReadProof, thumbprint: string): Promise<CryptoKey> {
    const name = `${algorithm} ${thumbprint}`;
    const known = this.#keys.get(name);
    if (known) return known;
    const key = (await importJWK(jwk, algorithm)) as CryptoKey;
    this.#keys.set(name, key);
    return key;
  }

  #faultOf(
    { jti, htm, htu, iat, ath, nonce }: JWTPayload,
    { token, method, path }: ProvenRequest,
  ): ProofFault | undefined {
    if (!isIdentifier(jti)) return 'form';
    if (htm !== method) return 'method';
    if (!this.#isAddress(htu, path)) return 'address';
    if (ath !== hash('sha256', token, 'base64url')) return 'token';
    if (typeof iat !== 'number' || !Number.isFinite(iat)) return 'time';
    if (this.#nonces) return this.#nonces.accepts(nonce) ? undefined : 'nonce';
    const ageMs = this.#clock.now() - iat * 1000;
    return ageMs > this.#settings.proofLifeMs || ageMs < -this.#clockSkewMs ? 'time' : undefined;
  }

  /** Compares `htu` with the address of the request, both without query and fragment (RFC 9449 section 4.3). */
  #isAddress(htu: unknown, target: string): boolean {
    const [path = ''] = target.split(/[?#]/, 1);
    if (typeof htu !== 'string' || !path.startsWith('/') || !URL.canParse(htu)) return false;
    const named = new URL(htu);
    if (named.username !== '' || named.password !== '') return false;
    return this.#settings.publicUrls.some((publicUrl) => {
      const base = new URL(publicUrl);
      // Compared as it is: a path that a parser would shorten names another resource for the router.
      const full = `${base.pathname.endsWith('/') ? base.pathname.slice(0, -1) : base.pathname}${path}`;
      return named.origin === base.origin && named.pathname === full;
    });
  }
}

function refused(fault: ProofFault): ProofFinding {
  return { status: 'refused', fault };
}
