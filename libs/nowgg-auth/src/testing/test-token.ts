import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { decodeUnverifiedJws, signingInputOf } from '../identity/unverified-jws.js';
import type { TokenFacts } from '../principal.js';
import { noteSecret } from './noted-secrets.js';

/** Use of a text that the test kit has signed: one kind is never accepted in the place of another. */
export type TestTokenUse = 'access' | 'code' | 'refresh';

/** What a text of the test kit says about its player. Times are epoch milliseconds. */
export interface TestTokenContent {
  readonly facts: Omit<TokenFacts, 'provider' | 'clientKey'>;
  /** Undefined: the only identity provider of the module, or the first one. */
  readonly provider: string | undefined;
}

const ISSUER = 'nestjs-nowgg-auth/testing';
const KEY = Symbol.for('nestjs-nowgg-auth:testing-key');
const HEADER = encode({ alg: 'HS256', typ: 'JWT' });

/** Signs content with the key of this process. The text is a compact JWS, at most 2,048 characters for a code. */
export function sealTestToken(use: TestTokenUse, content: TestTokenContent): string {
  const input = `${HEADER}.${encode({ iss: ISSUER, use, jti: randomBytes(9).toString('base64url'), ...content })}`;
  const token = `${input}.${signatureOf(input)}`;
  noteSecret(token);
  return token;
}

/** The content of a text that {@link sealTestToken} made in this process for this use; otherwise undefined. */
export function openTestToken(use: TestTokenUse, token: string): TestTokenContent | undefined {
  const input = signingInputOf(token);
  if (input === undefined || !isEqual(token.slice(input.length + 1), signatureOf(input))) return undefined;
  const claims = decodeUnverifiedJws(token)?.claims;
  return claims?.use === use ? peekAtTestToken(claims) : undefined;
}

/** The content of a token whose signature has not been checked: to choose a provider, never to accept it. */
export function peekAtTestToken(claims: Readonly<Record<string, unknown>>): TestTokenContent | undefined {
  if (claims.iss !== ISSUER) return undefined;
  const { facts, provider } = claims as unknown as TestTokenContent;
  return { facts, provider };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function signatureOf(input: string): string {
  return createHmac('sha256', processKey()).update(input).digest('base64url');
}

function isEqual(text: string, other: string): boolean {
  const [one, two] = [Buffer.from(text), Buffer.from(other)];
  return one.length === two.length && timingSafeEqual(one, two);
}

/** One key for each process, also where two copies of this module are loaded, as ES module and through `require`. */
function processKey(): Buffer {
  const shared = globalThis as unknown as Record<symbol, Buffer | undefined>;
  return (shared[KEY] ??= randomBytes(32));
}
