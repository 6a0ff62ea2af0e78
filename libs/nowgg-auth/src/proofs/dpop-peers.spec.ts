import { createHash, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { ManualClock } from '../testing-support/manual-clock.js';
import { DpopProofs, dpopSettings } from './dpop.js';

/*
 * The cases of the DPoP tests of auth0's node-oauth2-jwt-bearer, as data. Where the decision here is another one, the
 * reason stands beside it.
 */

const clock = new ManualClock();
const seconds = () => Math.floor(clock.now() / 1000);
const publicUrl = [
  'https://api.example.com',
  'https://api.example.com:8443',
  'http://localhost:3000',
  'http://127.0.0.1:4000',
  'http://[::1]:3000',
  'https://xn--bcher-kva.de',
  'https://example.com.',
];
const proofs = new DpopProofs(dpopSettings({ publicUrl }), clock, 5_000);

let key: CryptoKey;
let jwk: JWK;
beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  [key, jwk] = [pair.privateKey, await exportJWK(pair.publicKey)];
});

type Members = Record<string, unknown>;
const REQUEST = { token: 'access.token.jwt', method: 'GET', path: '/resource' };
const proofOf = async (claims: Members = {}, header: Members = {}) =>
  new SignJWT({
    htm: 'GET',
    htu: 'https://api.example.com/resource',
    iat: seconds(),
    jti: randomUUID(),
    ath: createHash('sha256').update(REQUEST.token).digest('base64url'),
    ...claims,
  })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header })
    .sign(key);
/** `proven`, or what is wrong with a proof. */
const outcomeOf = async (proof: string, path = REQUEST.path) => {
  const finding = await proofs.check(proof, { ...REQUEST, path });
  return finding.status === 'proven' ? 'proven' : finding.fault;
};

describe('the address of a proof', () => {
  it.each([
    ['a query and a fragment of both', 'https://api.example.com/resource?foo=bar#hash', '/resource?z=1'],
    ['a slash at the end', 'https://api.example.com/resource/?abc=def', '/resource/'],
    ['a port of its own', 'https://api.example.com:8443/resource?foo=bar', '/resource'],
    ['this machine', 'http://localhost:3000/path?debug=true#frag', '/path'],
    ['an address of IPv4', 'http://127.0.0.1:4000/test?foo=bar', '/test'],
    ['an address of IPv6', 'http://[::1]:3000/path?x=1#y', '/path'],
    ['scheme and host in capitals', 'HTTPS://API.EXAMPLE.COM/path', '/path'],
    ['the default port', 'https://api.example.com:443/path', '/path'],
    ['dot segments', 'https://api.example.com/path/../resource/./file.txt', '/resource/file.txt'],
    ['encoded dot segments', 'https://api.example.com/a/%2e%2e/b', '/b'],
    ['a host of other letters', 'https://bücher.de/weg', '/weg'],
    ['the same host in ASCII', 'https://xn--bcher-kva.de/path', '/path'],
    ['a host with its last dot', 'https://example.com./x', '/x'],
    ['two slashes, where the request has them', 'https://api.example.com//double/slash', '//double/slash'],
    ['encoded bytes as the request has them', 'https://api.example.com/price/%e2%82%ac', '/price/%e2%82%ac'],
  ])('may have %s', async (_name, htu, path) => {
    expect(await outcomeOf(await proofOf({ htu }), path)).toBe('proven');
  });

  it.each([
    ['of another path', 'https://api.example.com/other', '/resource'],
    ['of another port', 'https://api.example.com:8444/resource', '/resource'],
    ['a text of another kind', ':://foo.bar?x=1', '/resource'],
    ['without a host', '::::://', '/resource'],
    ['open at a bracket', 'http://[::1/path', '/path'],
    ['of a port that cannot exist', 'https://api.example.com:999999/path', '/path'],
    ['with two schemes', 'https://https://api.example.com/resource', '/resource'],
    ['a number', 123, '/resource'],
    ['absent', undefined, '/resource'],
    // Different from the peer, which removes both: a proof with credentials in it is one that a client leaks.
    ['with a user and a password', 'https://user:pass@api.example.com/resource', '/resource'],
    // Different from the peer, which changes both: Nest's routers treat them as different paths.
    ['encoded in letters of another case', 'https://api.example.com/path%2Fto', '/path%2fto'],
    ['encoded where the request is not', 'https://api.example.com/%7Euser', '/~user'],
    // Different from the peer, which resolves them in the request: the router has not.
    ['where the dot segments of the request lead', 'https://api.example.com/resource', '/path/../resource'],
    // As the peer refuses every such request: here, the address that was configured decides alone.
    ['of a host that stands in the path', 'https://evil.example.com/steal', '//evil.example.com/steal'],
    ['an address that stands in the path', 'https://evil.example.com/steal', '/https://evil.example.com/steal'],
  ])('is refused when it is %s', async (_name, htu, path) => {
    expect(await outcomeOf(await proofOf({ htu }), path)).toBe('address');
  });
});

describe('a proof', () => {
  it('may have claims that mean nothing here, and one that says until when it is good', async () => {
    const more = { foo: 'bar', aud: 'https://api.example.com', nbf: seconds() - 10, exp: seconds() + 300 };
    expect(await outcomeOf(await proofOf({ ...more, nested: { a: 1, b: 'two' } }))).toBe('proven');
  });

  it.each<[string, Members, Members, string]>([
    ['without a method', { htm: undefined }, {}, 'method'],
    ['with a number as its method', { htm: 123 }, {}, 'method'],
    ['of another method', { htm: 'POST' }, {}, 'method'],
    ['without a time', { iat: undefined }, {}, 'time'],
    ['too old', { iat: seconds() - 1_000 }, {}, 'time'],
    ['from the future', { iat: seconds() + 1_000 }, {}, 'time'],
    ['without an id', { jti: undefined }, {}, 'form'],
    ['without the hash of the token', { ath: undefined }, {}, 'token'],
    ['with a number as the hash', { ath: 123 }, {}, 'token'],
    ['of another token', { ath: 'tampered' }, {}, 'token'],
    ['of another type', {}, { typ: 'wrong' }, 'key'],
    ['without a type', {}, { typ: undefined }, 'key'],
    ['without a key', {}, { jwk: undefined }, 'key'],
  ])('%s is refused', async (_name, claims, header, fault) => {
    expect(await outcomeOf(await proofOf(claims, header))).toBe(fault);
  });

  it('whose key or time has another form is refused', async () => {
    const reworded = async (part: 0 | 1, change: Members) => {
      const parts = (await proofOf()).split('.');
      const read = JSON.parse(Buffer.from(parts[part] as string, 'base64url').toString()) as Members;
      parts[part] = Buffer.from(JSON.stringify({ ...read, ...change })).toString('base64url');
      return parts.join('.');
    };
    expect(await outcomeOf(await reworded(0, { jwk: 'not-an-object' }))).toBe('key');
    expect(await outcomeOf(await reworded(1, { iat: 'bad' }))).toBe('signature');
    expect(await outcomeOf('abc.def')).toBe('form');
    expect(await outcomeOf('proof1,proof2')).toBe('form');
    expect(await outcomeOf('')).toBe('form');
    expect(await outcomeOf(`${await proofOf()}tampered`)).toMatch(/^(form|signature)$/);
  });

  it('of an algorithm that is not accepted is refused, RS256 by default', async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    const header = { typ: 'dpop+jwt', alg: 'RS256', jwk: await exportJWK(publicKey) };
    const proof = await new SignJWT({ jti: randomUUID() }).setProtectedHeader(header).sign(privateKey);
    expect(await outcomeOf(proof)).toBe('key');
  });
});
