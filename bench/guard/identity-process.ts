import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { startNowggEmulator } from 'nowgg-emulator';
import { serve } from '../support/child-process.js';
import type { TokenKind } from './variants.js';

/** Everything that the benched applications and the driver need to know about their identity system. */
export interface Identity {
  readonly baseUrl: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly jwksUri: string;
  readonly publicJwk: JWK;
  readonly hs256Secret: string;
  /** Tokens of each kind with the claims of the same players; the RS256 ones are access tokens of RFC 9068. */
  readonly tokens: Readonly<Record<TokenKind, readonly string[]>>;
}

/** Long enough for tokens of 567 characters, the length of those in now.gg's documentation. */
const clientId = 'bench-game-'.padEnd(116, '0123456789');
const clientSecret = 'bench-secret';
const issuer = 'https://now.gg';
const hs256Secret = 'a secret of the benchmark, 32 bytes at least';

const emulator = await startNowggEmulator({ clients: [{ clientId, clientSecret }], issuer });

let signAccessToken: ((claims: JWTPayload) => Promise<string>) | undefined;

/** Issues tokens for so many players and is ready to verify them. */
async function start(players: number): Promise<Identity> {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const publicJwk: JWK = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' };
  const nowgg = Array.from({ length: players }, () => {
    const { userId } = emulator.addPlayer();
    return emulator.issueTokens({ userId, scope: 'email profile' }).token;
  });
  const claims = nowgg.map((token) => decodeJwt(token));
  const hs256Key = new TextEncoder().encode(hs256Secret);
  const sign = (payload: JWTPayload) => signed(accessTokenClaims(payload), 'RS256', privateKey);
  signAccessToken = sign;
  return {
    baseUrl: emulator.url,
    issuer,
    clientId,
    clientSecret,
    jwksUri: await serveKeys(publicJwk),
    publicJwk,
    hs256Secret,
    tokens: {
      nowgg,
      hs256: await Promise.all(claims.map((payload) => signed(payload, 'HS256', hs256Key))),
      rs256: await Promise.all(claims.map(sign)),
    },
  };
}

/** Makes `count` access tokens, all different, with the claims of a known one. */
async function makeAccessTokens({ like, count }: { like: string; count: number }): Promise<readonly string[]> {
  const sign = signAccessToken;
  if (!sign) throw new Error('start first');
  const claims = decodeJwt(like);
  const tokens: string[] = [];
  for (let index = 0; index < count; index += 1) {
    tokens.push(await sign({ ...claims, tokenId: `${String(claims.tokenId)}-${index}` }));
  }
  return tokens;
}

/** Adds the claims that RFC 9068 requires of an access token. */
function accessTokenClaims(claims: JWTPayload): JWTPayload {
  return { ...claims, sub: claims.userId as string, jti: claims.tokenId as string, client_id: clientId };
}

function signed(payload: JWTPayload, alg: string, key: Parameters<SignJWT['sign']>[0]): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ alg, typ: alg === 'RS256' ? 'at+jwt' : 'JWT', kid: 'bench' })
    .sign(key);
}

async function serveKeys(key: JWK): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys: [key] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
}

const operations = {
  start,
  makeAccessTokens,
  verifyTokenCalls: () => emulator.requestCount({ endpoint: 'verify-token' }),
};

export type IdentityOperations = typeof operations;

serve(operations);
