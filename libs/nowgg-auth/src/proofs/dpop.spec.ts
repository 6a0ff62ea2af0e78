import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { ManualClock } from '../testing-support/manual-clock.js';
import { type DpopSettings, DpopProofs, dpopSettings } from './dpop.js';

const ALL = 'ES256 ES384 ES512 EdDSA Ed25519 RS256 RS384 RS512 PS256 PS384 PS512'.split(' ');
const PUBLIC_URL = 'https://api.game.example';
const REQUEST = { token: 'credential', method: 'POST', path: '/auth/refresh' };
const clock = new ManualClock();
const seconds = () => Math.floor(clock.now() / 1000);

interface Signer {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

const newSigner = async (alg: string): Promise<Signer> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: await exportJWK(publicKey) };
};
const proofOf = async ({ privateKey, jwk }: Signer, alg: string, claims: object = {}, header: object = {}) =>
  new SignJWT({
    jti: randomUUID(),
    htm: REQUEST.method,
    htu: `${PUBLIC_URL}${REQUEST.path}`,
    iat: seconds(),
    ath: createHash('sha256').update(REQUEST.token).digest('base64url'),
    ...claims,
  })
    .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk, ...header })
    .sign(privateKey);
const proofsOf = (settings: Partial<DpopSettings> = {}) =>
  new DpopProofs({ ...dpopSettings({ publicUrl: PUBLIC_URL, algorithms: ALL }), ...settings }, clock, 5_000);

describe('a proof', () => {
  it.each(ALL)('of %s is good, by the thumbprint of its key, and not when one byte is changed', async (alg) => {
    const signer = await newSigner(alg);
    const proofs = proofsOf();
    const proof = await proofOf(signer, alg);
    const thumbprint = await calculateJwkThumbprint(signer.jwk);
    for (let times = 0; times < 2; times += 1) {
      expect(await proofs.check(proof, REQUEST)).toMatchObject({ status: 'proven', thumbprint, lifeMs: 65_000 });
    }
    const [header, claims, signature = ''] = proof.split('.');
    const bytes = Buffer.from(signature, 'base64url');
    bytes[9] = (bytes[9] as number) ^ 1;
    for (const wrong of [bytes, bytes.subarray(1), Buffer.concat([bytes, bytes]), Buffer.alloc(bytes.length)]) {
      const changed = `${header}.${claims}.${wrong.toString('base64url')}`;
      expect(await proofs.check(changed, REQUEST)).toEqual({ status: 'refused', fault: 'signature' });
    }
    expect(await proofsOf({ algorithms: ['ES256K'] }).check(proof, REQUEST)).toMatchObject({ fault: 'key' });
  });

  it('needs a key that fits its algorithm, and is one', async () => {
    const [es256, es384] = [await newSigner('ES256'), await newSigner('ES384')];
    const proofs = proofsOf();
    const fault = async (alg: string, jwk: unknown) =>
      proofs.check(
        await proofOf(es256, 'ES256', {}, { alg: 'ES256', jwk }).then((proof) => relabelled(proof, alg)),
        REQUEST,
      );
    const relabelled = (proof: string, alg: string) => {
      const [header = '', ...rest] = proof.split('.');
      const read = JSON.parse(Buffer.from(header, 'base64url').toString()) as object;
      return [Buffer.from(JSON.stringify({ ...read, alg })).toString('base64url'), ...rest].join('.');
    };
    const other = (changes: object) => ({ ...es256.jwk, ...changes });
    for (const [alg, jwk] of [
      ['ES384', es256.jwk],
      ['ES256', es384.jwk],
      ['ES256', other({ crv: 'P-384' })],
      ['ES256', other({ kty: 'OKP', crv: 'Ed25519' })],
      ['ES256', other({ crv: 'secp256k1' })],
      ['ES256', other({ y: undefined })],
      ['ES256', other({ y: 7 })],
      ['ES256', other({ d: es256.jwk.x })],
      ['ES256', other({ k: 'AAAA' })],
      ['ES256', [es256.jwk]],
      ['HS256', es256.jwk],
      ['none', es256.jwk],
      ['toString', es256.jwk],
    ] as const) {
      expect(await fault(alg, jwk)).toEqual({ status: 'refused', fault: 'key' });
    }
    // A point that is not on the curve, and texts that are no numbers.
    for (const y of [es256.jwk.x, '', '*', 'A'.repeat(700)]) {
      expect(await fault('ES256', other({ y }))).toEqual({ status: 'refused', fault: 'signature' });
    }
  });

  it('of a key of RSA that is too short is refused', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1_024 });
    const jwk = publicKey.export({ format: 'jwk' }) as JWK;
    const good = await proofOf(await newSigner('RS256'), 'RS256');
    const header = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'dpop+jwt', jwk })).toString('base64url');
    const input = `${header}.${good.split('.')[1]}`;
    const proof = `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`;
    expect(await proofsOf().check(proof, REQUEST)).toEqual({ status: 'refused', fault: 'signature' });
  });
});

describe('a proof whose nonce is optional', () => {
  const newer = { nonceSecrets: ['newer'.repeat(8), 'older'.repeat(8)], needsNonce: false };
  const older = { nonceSecrets: ['older'.repeat(8)], needsNonce: false };

  it('is judged by its time without one; only a wrong clock is told to take one', async () => {
    const signer = await newSigner('ES256');
    const proofs = proofsOf(newer);
    const finding = async (claims: object) => proofs.check(await proofOf(signer, 'ES256', claims), REQUEST);
    expect(await finding({})).toMatchObject({ status: 'proven', lifeMs: 125_000 });
    for (const iat of [seconds() - 61, seconds() - 300, seconds() + 6, seconds() + 300, 0]) {
      expect(await finding({ iat })).toEqual({ status: 'refused', fault: 'nonce' });
      expect(await finding({ iat, nonce: proofs.nonce() })).toMatchObject({ status: 'proven' });
      expect(await finding({ iat, htm: 'GET' })).toEqual({ status: 'refused', fault: 'method' });
      expect(await finding({ iat, ath: 'x' })).toEqual({ status: 'refused', fault: 'token' });
    }
    for (const nonce of ['', 7, null, 'x', [proofs.nonce()]]) {
      expect(await finding({ nonce })).toEqual({ status: 'refused', fault: 'nonce' });
    }
    expect(await finding({ iat: '1' })).toEqual({ status: 'refused', fault: 'time' });
  });

  it('takes the nonce of each known secret, made anew by the first, until its span and the next are over', async () => {
    const signer = await newSigner('ES256');
    const [one, other] = [proofsOf(newer), proofsOf(older)];
    const finding = async (by: DpopProofs, nonce: unknown) =>
      (await by.check(await proofOf(signer, 'ES256', { iat: 1, nonce }), REQUEST)).status;
    const nonce = other.nonce();
    expect([await finding(one, nonce), await finding(other, one.nonce())]).toEqual(['proven', 'refused']);
    expect(one.nonce()).not.toBe(nonce);
    clock.advance(60_000);
    expect([await finding(one, nonce), await finding(other, nonce)]).toEqual(['proven', 'proven']);
    clock.advance(60_000);
    expect([await finding(one, nonce), await finding(other, nonce)]).toEqual(['refused', 'refused']);
  });
});
