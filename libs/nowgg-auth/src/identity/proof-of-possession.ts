/** The signature algorithm of the keys that session handles are bound to. */
export const SESSION_KEY_ALGORITHM = 'ES256';

/** The parts of a request that a proof of possession covers. */
export interface ProvenRequest {
  /** The credential: an access token without its scheme, a code or a session handle. */
  readonly token: string;
  readonly method: string;
  /** The path with the query, as the request has it. */
  readonly path: string;
}

/** What is wrong with a proof. */
export type ProofFault =
  | 'missing'
  | 'form'
  | 'key'
  | 'signature'
  | 'method'
  | 'address'
  | 'token'
  | 'time'
  | 'nonce'
  | 'replayed';

/** The result of checking a proof, apart from its replay. */
export type ProofFinding =
  | {
      readonly status: 'proven';
      /** SHA-256 thumbprint of the key that signed it (RFC 7638), as 43 base64url characters. */
      readonly thumbprint: string;
      /** Names this proof among all of its key. */
      readonly id: string;
      /** Time for which it could be used again, in milliseconds. */
      readonly lifeMs: number;
    }
  | { readonly status: 'refused'; readonly fault: ProofFault };

/** Port: checks the proofs that come with tokens which are bound to a key (RFC 9449). */
export interface ProofsOfPossession {
  /** The signature algorithms that are accepted. */
  readonly algorithms: readonly string[];
  /** Equal for equal settings. */
  readonly settings: string;
  /** The nonce that the next proof must contain; undefined where none is needed. */
  nonce(): string | undefined;
  check(proof: string, request: ProvenRequest): Promise<ProofFinding>;
}

/** The thumbprint in the confirmation of a token that is bound to a key in this way and no other. */
export function boundThumbprint(confirmation: unknown): string | undefined {
  if (typeof confirmation !== 'object' || confirmation === null) return undefined;
  const [first, ...more] = Object.entries(confirmation) as [string, unknown][];
  const isThumbprint = first?.[0] === 'jkt' && typeof first[1] === 'string' && first[1].length === 43;
  return isThumbprint && more.length === 0 ? (first[1] as string) : undefined;
}

/** Whether the claims bind their token to a key, in any way. An empty confirmation names none. */
export function isBound(claims: Readonly<Record<string, unknown>>): boolean {
  const { cnf } = claims;
  if (cnf === undefined) return false;
  return typeof cnf !== 'object' || cnf === null || Array.isArray(cnf) || Object.keys(cnf).length > 0;
}
