import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, decodeProtectedHeader, EmbeddedJWK, type JWK, jwtVerify } from 'jose';

/** What a scripted backend does about proofs, as a test sets it. */
export interface BindingSettings {
  readonly mode: 'off' | 'offered' | 'required';
  /** The secret of nonces: those of another one are refused. */
  readonly nonces?: string;
  /** Refuses every proof, as behind an address that is configured wrongly. */
  readonly refusing?: boolean;
}

/** A request that may carry a proof. */
export interface ProvenCall {
  readonly proof: string | undefined;
  readonly address: string;
  /** The code of a sign-in, otherwise the session handle. */
  readonly credential: string;
}

export type ProofAnswer = { readonly thumbprint?: string } | { readonly errorCode: string; readonly nonce?: string };

const lifeMs = 60_000;
const skewMs = 30_000;

/** Checks proofs as the real backend does: signature, request, credential, time or nonce, and that none comes twice. */
export class ScriptedProofs {
  #settings: BindingSettings = { mode: 'off' };
  readonly #used = new Set<string>();

  set(settings: BindingSettings): void {
    this.#settings = settings;
  }

  /** @param boundTo thumbprint of the key of the session; a sign-in has none */
  async check(call: ProvenCall, now: number, boundTo?: string): Promise<ProofAnswer> {
    const { mode, refusing, nonces } = this.#settings;
    if (call.proof === undefined && !boundTo) return mode === 'required' ? refused : {};
    if (!boundTo && mode === 'off') return {};
    if (call.proof === undefined || refusing) return refused;
    const proof = await this.#read(call.proof, now);
    if (!proof || !isFor(proof, call) || (boundTo && proof.thumbprint !== boundTo)) return refused;
    const isNow = proof.nonce === undefined ? isAround(proof.iat, now) : proof.nonce === nonces;
    if (!isNow) return nonces === undefined ? refused : { errorCode: 'use_dpop_nonce', nonce: nonces };
    if (this.#used.has(String(proof.jti))) return refused;
    this.#used.add(String(proof.jti));
    return { thumbprint: proof.thumbprint };
  }

  async #read(text: string, now: number) {
    try {
      const options = { algorithms: ['ES256'], typ: 'dpop+jwt', currentDate: new Date(now) };
      const { payload } = await jwtVerify(text, EmbeddedJWK, options);
      const { jwk } = decodeProtectedHeader(text) as { jwk: JWK };
      const { length } = Object.keys(jwk);
      if (length !== 4) return undefined;
      return { ...payload, thumbprint: await calculateJwkThumbprint(jwk) } as Record<string, unknown> & {
        thumbprint: string;
      };
    } catch {
      return undefined;
    }
  }
}

const refused = { errorCode: 'invalid_dpop_proof' };

const isFor = ({ htm, htu, ath, jti }: Record<string, unknown>, { address, credential }: ProvenCall) =>
  htm === 'POST' &&
  htu === address &&
  ath === createHash('sha256').update(credential).digest('base64url') &&
  /^[\w-]{22,}$/.test(String(jti));

const isAround = (iat: unknown, now: number) => {
  const ageMs = now - Number(iat) * 1000;
  return Number.isInteger(iat) && ageMs <= lifeMs && ageMs >= -skewMs;
};
