import type { RawAnswer, RawExchange } from '../raw-http/raw-peer.js';
import { json } from '../raw-http/raw-answers.js';
import { jsonOf } from '../raw-http/raw-request.js';

export type Claims = Record<string, unknown>;

export const CLIENT_ID = 'client-of-the-test';
export const VERIFY = '/accounts/oauth2/v1/verify-token';
export const TOKEN = '/accounts/oauth2/v1/token';
export const USERINFO = '/accounts/users/v1/userinfo';
export const SESSIONINFO = '/accounts/users/v1/sessioninfo';

const seconds = () => Math.floor(Date.now() / 1000);
let serial = 0;

/** The claims of a good `token`, none of them used before. */
export function tokenClaims(changes: Claims = {}): Claims {
  serial += 1;
  return {
    iss: 'https://now.gg',
    tokenId: `token-id-${serial}`,
    aud: CLIENT_ID,
    sessionId: `session-${serial}`,
    userId: `player-${serial}`,
    scope: 'email',
    iat: seconds() - 60,
    exp: seconds() + 3600,
    ...changes,
  };
}

/** The claims of a good `id_token`, none of them used before. */
export function idTokenClaims(changes: Claims = {}): Claims {
  serial += 1;
  return {
    iss: 'https://now.gg',
    sub: `sub-${serial}`,
    aud: CLIENT_ID,
    userId: `player-${serial}`,
    email: `player-${serial}@example.test`,
    name: 'Ada Player',
    iat: seconds() - 60,
    auth_time: seconds() - 60,
    exp: seconds() + 3600,
    ...changes,
  };
}

/** A compact JWS; the signature is any text, since only the identity system can check it. */
export function jws(payload: unknown, signature: string, header: Claims = { alg: 'HS256', typ: 'JWT' }): string {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return (
    [JSON.stringify(header), text].map((part) => Buffer.from(part).toString('base64url')).join('.') + `.${signature}`
  );
}

/** What `verify-token` says of a good token. */
export function accepted(claims: unknown): Claims {
  return { success: true, code: 'VERIFICATION_SUCCESS', decodedData: claims, msg: 'Token Verification success' };
}

/** What `verify-token` says of a bad one. */
export function refused(code: 'INVALID_TOKEN' | 'EXPIRED_TOKEN' = 'INVALID_TOKEN'): Claims {
  return { success: false, code, msg: 'Token refused' };
}

/** Accepts every token and answers with the claims that stand in it, as the real service does for its own. */
export const acceptAny: RawAnswer = (exchange) => json(200, accepted(claimsSent(exchange)))(exchange);

/** The claims inside the token that a verify-token request carries. */
export function claimsSent({ request }: RawExchange): Claims {
  const payload = String(jsonOf(request).token).split('.')[1] ?? '';
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
}

/** Answers by the end of the request's path. */
export function byPath(answers: Readonly<Record<string, RawAnswer>>): RawAnswer {
  return (exchange) => {
    const answer = answers[exchange.request.path];
    if (!answer) throw new Error(`no answer for ${exchange.request.path}`);
    return answer(exchange);
  };
}

/** What the token endpoint says when it takes a code. */
export function tokensFor(token: string, refreshToken: string, changes: Claims = {}): Claims {
  const expiry = new Date(Date.now() + 3_600_000).toISOString();
  return {
    success: true,
    code: 'REFRESH_TOKEN TOKEN',
    token,
    refresh_token: refreshToken,
    token_expiry: expiry,
    refresh_token_expiry: new Date(Date.now() + 864_000_000).toISOString(),
    ...changes,
  };
}
