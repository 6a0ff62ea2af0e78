import { exportJWK, generateKeyPair, type CryptoKey, type JWK, SignJWT } from 'jose';

/** One key for each signature algorithm. */
export class Signer {
  readonly algorithm: string;
  readonly publicJwk: JWK;
  readonly #privateKey: CryptoKey;

  private constructor(algorithm: string, publicJwk: JWK, privateKey: CryptoKey) {
    this.algorithm = algorithm;
    this.publicJwk = publicJwk;
    this.#privateKey = privateKey;
  }

  static async create(algorithm: string): Promise<Signer> {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: `key of ${algorithm}`, alg: algorithm, use: 'sig' };
    return new Signer(algorithm, jwk, privateKey);
  }

  /** @param claims an object, or the exact text of the payload */
  async sign(claims: Record<string, unknown> | string, header: Record<string, unknown> = {}): Promise<string> {
    const protectedHeader = { alg: this.algorithm, typ: 'at+jwt', kid: this.publicJwk.kid as string, ...header };
    if (typeof claims === 'string') return this.signBytes(Buffer.from(claims), protectedHeader);
    return new SignJWT(claims).setProtectedHeader(protectedHeader).sign(this.#privateKey);
  }

  /** Signs a payload that no honest library would write. */
  async signBytes(payload: Uint8Array, header: Record<string, unknown>): Promise<string> {
    return this.signText(
      `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`,
    );
  }

  /** Signs these two parts as they are spelled. RS256 and EdDSA only. */
  async signText(signingInput: string): Promise<string> {
    const name = this.algorithm === 'RS256' ? 'RSASSA-PKCS1-v1_5' : this.#privateKey.algorithm.name;
    const signature = await crypto.subtle.sign(name, this.#privateKey, Buffer.from(signingInput));
    return `${signingInput}.${Buffer.from(signature).toString('base64url')}`;
  }
}
