import { expect } from '@jest/globals';
import type { RawReply } from './raw-client.js';

/** The answers that a bad request or a bad reply may get; the letters are used all over the tests of bad input. */
export type Answer =
  /** 401, a bare challenge. */
  | 'U0'
  /** 401 `invalid_token`. */
  | 'U1'
  /** 400 `invalid_request`. */
  | 'Q'
  /** 403 `insufficient_scope`. */
  | 'F'
  /** 503 with `Retry-After`. */
  | 'S'
  /** 503 `grant_in_doubt` with `Retry-After`: a sign-in is allowed meanwhile. */
  | 'D'
  /** 400 from an exchange. */
  | 'G';

const challengeOf = (error: string) =>
  new RegExp(`^Bearer realm="nowgg", error="${error}"(?:, error_description="[a-z0-9 ,'-]+")?(?:, scope="[!-~ ]+")?$`);

const expected: Record<Answer, { status: number; codes: readonly string[]; challenge?: RegExp; more?: object }> = {
  U0: { status: 401, codes: ['missing_token'], challenge: /^Bearer realm="nowgg"$/ },
  U1: {
    status: 401,
    codes: ['malformed_token', 'invalid_token', 'expired_token', 'revoked_token', 'wrong_client', 'wrong_token_type'],
    challenge: challengeOf('invalid_token'),
  },
  Q: { status: 400, codes: ['invalid_request'], challenge: challengeOf('invalid_request') },
  F: { status: 403, codes: ['insufficient_scope'], challenge: challengeOf('insufficient_scope') },
  S: { status: 503, codes: ['identity_unavailable'] },
  D: { status: 503, codes: ['grant_in_doubt'], more: { signInAllowed: true } },
  G: { status: 400, codes: ['invalid_grant', 'invalid_request'] },
};

/** Checks status, challenge, `Retry-After`, `Cache-Control` and the exact members of the body. */
export function expectAnswer(reply: RawReply, answer: Answer): void {
  const { status, codes, challenge, more = {} } = expected[answer];
  expect([reply.status, reply.body]).toEqual([status, expect.any(String)]);
  const body = reply.json();
  const members = { statusCode: status, message: expect.any(String), errorCode: expect.any(String), ...more };
  expect(Object.keys(body).toSorted()).toEqual(Object.keys(members).toSorted());
  expect(body).toEqual(members);
  expect(codes).toContain(body.errorCode);
  expect(reply.header('Cache-Control')).toBe('no-store');
  if (challenge) expect(reply.header('WWW-Authenticate')).toMatch(challenge);
  if (status === 503) {
    expect(reply.header('WWW-Authenticate')).toBeUndefined();
    expect(reply.header('Retry-After')).toMatch(/^(?:[1-9]|[1-5]\d|60)$/);
  }
}
