import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** What a proof is made for, and what a thief or a broken client changes in it. */
export interface ProofOf {
  /** The code or the session handle. */
  readonly credential: string;
  /** `htu`. */
  readonly address: string;
  readonly method?: string;
  /** `iat`, in epoch milliseconds. */
  readonly atMs: number;
  readonly id?: string | undefined;
  readonly nonce?: string | undefined;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** A key of a client, as the session client makes one, and proofs of it. */
export class ProvingKey {
  readonly privateKey: KeyObject;
  /** The public members. */
  readonly jwk: Readonly<Record<string, unknown>>;
  readonly privateJwk: Readonly<Record<string, unknown>>;
  readonly thumbprint: string;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { kty, crv, x, y } = publicKey.export({ format: 'jwk' });
    this.privateKey = privateKey;
    this.jwk = { kty, crv, x, y };
    this.privateJwk = { ...privateKey.export({ format: 'jwk' }) };
    this.thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  }

  proof({ credential, address, method = 'POST', atMs, id, nonce, header, claims }: ProofOf): string {
    const signed = [
      { alg: 'ES256', typ: 'dpop+jwt', jwk: this.jwk, ...header },
      {
        jti: id ?? randomBytes(16).toString('base64url'),
        htm: method,
        htu: address,
        iat: Math.floor(atMs / 1000),
        ath: createHash('sha256').update(credential).digest('base64url'),
        ...(nonce !== undefined && { nonce }),
        ...claims,
      },
    ];
    const input = signed.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${input}.${this.signatureOf(input)}`;
  }

  signatureOf(input: string): string {
    return sign('sha256', Buffer.from(input), { key: this.privateKey, dsaEncoding: 'ieee-p1363' }).toString(
      'base64url',
    );
  }
}
