import { hash, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { NowggClock } from '../clock.js';
import { isIdentifier, withoutInherited } from '../identity/claims.js';
import type { ProofFault, ProofFinding, ProofsOfPossession, ProvenRequest } from '../identity/proof-of-possession.js';
import { MAX_TOKEN_LENGTH } from '../identity/token-text.js';
import { isCanonicalJws } from '../identity/unverified-jws.js';
import { PUBLIC_URLS } from '../identity/urls.js';
import { ProofNonces } from './proof-nonces.js';
import { claimsOfProof, keyOfHeader, type ReadHeader, readHeader } from './signed-proof.js';
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
  /** Secrets of nonces: the first one makes them, and those of all are accepted. Empty: there are no nonces. */
  readonly nonceSecrets: readonly (string | Uint8Array)[];
  /** Whether each proof must contain a nonce. Otherwise only one whose time is not good, and `iat` is judged without. */
  readonly needsNonce: boolean;
}

const isAsymmetric = matching(/^(?:RS|PS|ES)(?:256|384|512)$|^EdDSA$|^Ed25519$/);
const DEFAULT_ALGORITHMS: readonly string[] = ['ES256', 'ES384', 'EdDSA', 'Ed25519'];
const DEFAULT_LIFE_MS = 60_000;

const RULES: Rules<keyof DpopOptions> = {
  publicUrl: [...PUBLIC_URLS, 'required'],
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
    nonceSecrets: Object.freeze(nonceSecret === undefined ? [] : [nonceSecret]),
    needsNonce: nonceSecret !== undefined,
  });
}

function isNonceSecret(value: unknown): boolean {
  return isText(value) && value.length >= 32;
}

const MOST_KEYS = 5_000;
/** A longer header is read anew for each proof: attackers choose it, and it is kept. */
const LONGEST_KEPT = 2_048;
/** A path that no parser changes. */
const PLAIN_PATH = /^\/[\w/-]*$/;

/** The key in the header of a proof. */
interface ProofKey {
  readonly algorithm: string;
  readonly thumbprint: string;
  readonly key: KeyObject;
}

/** Checks proofs as section 4.3 of RFC 9449 says, except whether they were used before. */
export class DpopProofs implements ProofsOfPossession {
  readonly algorithms: readonly string[];
  readonly settings: string;
  readonly #settings: DpopSettings;
  readonly #clock: NowggClock;
  readonly #clockSkewMs: number;
  readonly #nonces: ProofNonces | undefined;
  readonly #bases: readonly { readonly origin: string; readonly path: string }[];
  /** Keys that have signed a proof, by its header, which is the same in all proofs of a client. */
  readonly #keys = new LRUCache<string, ProofKey>({ max: MOST_KEYS });

  constructor(settings: DpopSettings, clock: NowggClock, clockSkewMs: number) {
    this.#settings = settings;
    this.#clock = clock;
    this.#clockSkewMs = clockSkewMs;
    this.algorithms = settings.algorithms;
    const { publicUrls, algorithms, proofLifeMs, nonceSecrets, needsNonce } = settings;
    this.#nonces = nonceSecrets.length === 0 ? undefined : new ProofNonces(nonceSecrets, proofLifeMs, clock);
    this.#bases = publicUrls.map((publicUrl) => {
      const { origin, pathname } = new URL(publicUrl);
      return { origin, path: pathname.endsWith('/') ? pathname.slice(0, -1) : pathname };
    });
    this.settings = hash('sha256', JSON.stringify([publicUrls, algorithms, proofLifeMs, nonceSecrets, needsNonce]));
  }

  nonce(): string | undefined {
    return this.#nonces?.current();
  }

  async check(proof: string, request: ProvenRequest): Promise<ProofFinding> {
    if (proof.length > MAX_TOKEN_LENGTH || !isCanonicalJws(proof)) return refused('form');
    const header = proof.slice(0, proof.indexOf('.'));
    const known = this.#keys.get(header);
    const read = known ? undefined : readHeader(header, this.algorithms);
    if (!known && !read) return refused('key');
    const key = known ?? keyOf(read as ReadHeader);
    const parsed = key && claimsOfProof(proof, key.algorithm, key.key);
    if (!key || !parsed) return refused('signature');
    // A copy: the header shares the memory of its proof.
    if (!known && header.length <= LONGEST_KEPT) {
      this.#keys.set(Buffer.from(header, 'latin1').toString('latin1'), key);
    }
    const claims: JwtClaims = withoutInherited(parsed);
    if (!this.#isNow(claims)) return refused('signature');
    const fault = this.#faultOf(claims, request);
    if (fault) return refused(fault);
    // With a nonce, a proof is good for as long as that.
    const lifeMs = this.#settings.proofLifeMs * (this.#nonces ? 2 : 1) + this.#clockSkewMs;
    return { status: 'proven', thumbprint: key.thumbprint, id: claims.jti as string, lifeMs };
  }

  /** Whether it has not expired, and is good already, where it says when. */
  #isNow({ exp = Number.POSITIVE_INFINITY, nbf = 0 }: JwtClaims): boolean {
    const now = this.#clock.now() / 1000;
    return typeof exp === 'number' && typeof nbf === 'number' && exp > now && nbf <= now;
  }

  #faultOf(
    { jti, htm, htu, iat, ath, nonce }: JwtClaims,
    { token, method, path }: ProvenRequest,
  ): ProofFault | undefined {
    if (!isIdentifier(jti)) return 'form';
    if (htm !== method) return 'method';
    if (!this.#isAddress(htu, path)) return 'address';
    if (ath !== hash('sha256', token, 'base64url')) return 'token';
    if (typeof iat !== 'number' || !Number.isFinite(iat)) return 'time';
    if (this.#nonces && (this.#settings.needsNonce || nonce !== undefined)) {
      return this.#nonces.accepts(nonce) ? undefined : 'nonce';
    }
    const ageMs = this.#clock.now() - iat * 1000;
    if (ageMs <= this.#settings.proofLifeMs && ageMs >= -this.#clockSkewMs) return undefined;
    return this.#nonces ? 'nonce' : 'time';
  }

  /** Compares `htu` with the address of the request, both without query and fragment (RFC 9449 section 4.3). */
  #isAddress(htu: unknown, target: string): boolean {
    const [path = ''] = target.split(/[?#]/, 1);
    if (typeof htu !== 'string' || !path.startsWith('/')) return false;
    if (PLAIN_PATH.test(path) && this.#bases.some((base) => htu === base.origin + base.path + path)) return true;
    if (!URL.canParse(htu)) return false;
    const { username, password, origin, pathname } = new URL(htu);
    if (username !== '' || password !== '') return false;
    // Compared as it is: a path that a parser would shorten names another resource for the router.
    return this.#bases.some((base) => origin === base.origin && pathname === base.path + path);
  }
}

/** The claims that the check reads, of any type. */
type JwtClaims = { readonly [Claim in 'jti' | 'htm' | 'htu' | 'iat' | 'ath' | 'nonce' | 'exp' | 'nbf']?: unknown };

/** Undefined for members that are not a key. */
function keyOf(read: ReadHeader): ProofKey | undefined {
  try {
    return { algorithm: read.algorithm, thumbprint: hash('sha256', read.jwk, 'base64url'), key: keyOfHeader(read) };
  } catch {
    return undefined;
  }
}

function refused(fault: ProofFault): ProofFinding {
  return { status: 'refused', fault };
}
