import { NowggAuthError } from './auth-error.js';

/**
 * 401. The proof of the session's key (DPoP, RFC 9449) is missing, is not good for this request, or was used before, see
 * `tokens.sessions.binding`. Nothing was used and nothing has ended: neither the code or the session handle, nor the
 * session. With {@link nonce}, the code is `use_dpop_nonce` and only the time of the proof is wrong: the client repeats
 * the request once with a proof that contains the nonce, and is judged by it from then on.
 *
 * @example
 * ```ts
 * import { NowggTokenService, type NowggSessionProof, SessionProofError } from 'nestjs-nowgg-auth';
 *
 * export async function refreshFor(tokens: NowggTokenService, handle: string, proof: NowggSessionProof) {
 *   try {
 *     return await tokens.openSession(handle, { proof });
 *   } catch (error) {
 *     if (error instanceof SessionProofError) return { refused: error.errorCode, nonce: error.nonce };
 *     throw error;
 *   }
 * }
 * ```
 */
export class SessionProofError extends NowggAuthError {
  /** The check that failed, such as `address`; `another_key` for a proof of another key than the session's. */
  readonly fault: string;
  /** What the next proof must contain, with `use_dpop_nonce`. */
  readonly nonce: string | undefined;

  constructor(fault: string, nonce?: string) {
    const [message, errorCode] =
      nonce === undefined
        ? ([`the DPoP proof is not valid: ${fault}`, 'invalid_dpop_proof'] as const)
        : (['the DPoP proof must contain the nonce of this answer', 'use_dpop_nonce'] as const);
    super(401, message, errorCode, nonce === undefined ? {} : { nonce });
    this.fault = fault;
    this.nonce = nonce;
  }
}
