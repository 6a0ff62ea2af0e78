import { constants, createPublicKey, type KeyObject, verify, type VerifyKeyObjectInput } from 'node:crypto';
import { isJsonObject, ownProperty } from '../identity/claims.js';
import { parseJsonObject, signingInputOf } from '../identity/unverified-jws.js';

/** How a signature of an algorithm is checked, and the keys that it takes (RFC 7518 section 3, RFC 8037, RFC 9864). */
interface Algorithm {
  readonly kty: 'EC' | 'OKP' | 'RSA';
  readonly crv?: string;
  /** Null where the algorithm has its own. */
  readonly digest: string | null;
  /** Of the signature, where it has a fixed one. */
  readonly bytes?: number;
  readonly isPss?: true;
}

const rsa = (digest: string): Algorithm => ({ kty: 'RSA', digest });
const pss = (digest: string): Algorithm => ({ kty: 'RSA', digest, isPss: true });
const ec = (crv: string, digest: string, bytes: number): Algorithm => ({ kty: 'EC', crv, digest, bytes });
const ED25519: Algorithm = { kty: 'OKP', crv: 'Ed25519', digest: null, bytes: 64 };

const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  ['ES256', ec('P-256', 'sha256', 64)],
  ['ES384', ec('P-384', 'sha384', 96)],
  ['ES512', ec('P-521', 'sha512', 132)],
  ['EdDSA', ED25519],
  ['Ed25519', ED25519],
  ['RS256', rsa('sha256')],
  ['RS384', rsa('sha384')],
  ['RS512', rsa('sha512')],
  ['PS256', pss('sha256')],
  ['PS384', pss('sha384')],
  ['PS512', pss('sha512')],
]);

/**
 * The members of a public key that its thumbprint covers, in the order of their names (RFC 7638 section 3.2, RFC 8037
 * section 2).
 */
const MEMBERS = { EC: ['crv', 'kty', 'x', 'y'], OKP: ['crv', 'kty', 'x'], RSA: ['e', 'kty', 'n'] } as const;
/** Members that only private and symmetric keys have. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
/** A longer key of RSA costs more to use than a player needs. */
const LONGEST_MODULUS = 700;
/** Bits of the shortest key of RSA (RFC 7518 section 3.3). */
const SHORTEST_MODULUS = 2_048;

/** A header that is in order. Nothing of its proof is verified. */
export interface ReadHeader {
  readonly algorithm: string;
  /** The public key as JSON with the members of its thumbprint, in their order. */
  readonly jwk: string;
}

/** Reads the first part of a compact JWS: its type, an accepted algorithm, and a public key for it and nothing else. */
export function readHeader(part: string, accepted: readonly string[]): ReadHeader | undefined {
  const header = parseJsonObject(part);
  if (!header) return undefined;
  const [typ, alg, jwk] = ['typ', 'alg', 'jwk'].map((name) => ownProperty(header, name));
  if (typeof typ !== 'string' || typ.toLowerCase() !== 'dpop+jwt' || Object.hasOwn(header, 'crit')) return undefined;
  const algorithm = typeof alg === 'string' && accepted.includes(alg) ? ALGORITHMS.get(alg) : undefined;
  if (!algorithm || !isJsonObject(jwk) || PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name))) return undefined;
  const { kty, crv } = algorithm;
  if (ownProperty(jwk, 'kty') !== kty || (crv !== undefined && ownProperty(jwk, 'crv') !== crv)) return undefined;
  const members = MEMBERS[kty].map((name) => [name, ownProperty(jwk, name)] as const);
  const isWhole = members.every(([, value]) => typeof value === 'string' && value.length <= LONGEST_MODULUS);
  return isWhole ? { algorithm: alg as string, jwk: JSON.stringify(Object.fromEntries(members)) } : undefined;
}

/** The key in a header. @throws Error when it is not one, such as a point that is not on the curve */
export function keyOfHeader({ jwk }: ReadHeader): KeyObject {
  const key = createPublicKey({ key: JSON.parse(jwk) as Record<string, string>, format: 'jwk' });
  const { modulusLength } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined && modulusLength < SHORTEST_MODULUS) throw new Error('the key is too short');
  return key;
}

/** Verifies a compact JWS in canonical form, and returns its claims; undefined when it is not good. */
export function claimsOfProof(proof: string, algorithmName: string, key: KeyObject) {
  const { digest, bytes, isPss } = ALGORITHMS.get(algorithmName) as Algorithm;
  const input = signingInputOf(proof) as string;
  const signature = Buffer.from(proof.slice(input.length + 1), 'base64url');
  if (bytes !== undefined && signature.length !== bytes) return undefined;
  const padding = isPss && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const options = { key, dsaEncoding: 'ieee-p1363', ...padding } as const;
  return isSigned(digest, input, options, signature) ? parseJsonObject(input.slice(input.indexOf('.') + 1)) : undefined;
}

function isSigned(digest: string | null, input: string, options: VerifyKeyObjectInput, signature: Buffer): boolean {
  try {
    return verify(digest, Buffer.from(input, 'latin1'), options, signature);
  } catch {
    // The key does not fit: OpenSSL refuses some that it could import.
    return false;
  }
}
