import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { NowggErrorCode } from 'nestjs-nowgg-auth';
import { root } from './markdown.js';

/** The status of each code. A code that is missing here does not compile. */
const STATUSES: Readonly<Record<NowggErrorCode, number>> = {
  missing_token: 401,
  malformed_token: 401,
  invalid_token: 401,
  expired_token: 401,
  revoked_token: 401,
  wrong_client: 401,
  wrong_token_type: 401,
  reauthentication_required: 401,
  session_superseded: 401,
  invalid_dpop_proof: 401,
  use_dpop_nonce: 401,
  signed_in_elsewhere: 401,
  insufficient_user_authentication: 401,
  invalid_grant: 400,
  invalid_request: 400,
  insufficient_scope: 403,
  wrong_provider: 403,
  forbidden: 403,
  user_banned: 403,
  feature_banned: 403,
  information_unavailable: 403,
  identity_unavailable: 503,
  store_unavailable: 503,
  grant_in_doubt: 503,
  configuration: 500,
};

/** Codes with a second status: at a sign-in that is refused, and for a session that the player does not have. */
const SECOND: Readonly<Partial<Record<NowggErrorCode, number>>> = {
  signed_in_elsewhere: 409,
  invalid_request: 404,
};

const folder = path.join(root, 'libs/nowgg-auth/src/errors');
const sources = readdirSync(folder)
  .map((name) => readFileSync(path.join(folder, name), 'utf8'))
  .join('\n');

describe('docs/errors', () => {
  it('has a row for every code, with its status, and no other', () => {
    const page = readFileSync(path.join(root, 'docs/errors.md'), 'utf8');
    const found = [...page.matchAll(/^\| `(\w+)` \| (\d+)(?:; (\d+) [\w -]+)? \|/gm)];
    const rows = found.map(([, code, status]) => [code, Number(status)]);
    const seconds = found.flatMap(([, code, , second]) => (second === undefined ? [] : [[code, Number(second)]]));
    expect(Object.fromEntries(seconds)).toEqual(SECOND);
    expect(Object.fromEntries(rows)).toEqual(STATUSES);
    expect(rows).toHaveLength(Object.keys(STATUSES).length);
  });

  it('says the status that the library answers with', () => {
    // `super(403, 'message', 'code')` of each class; the two families have their own tests of each code's answer.
    const told = [...sources.matchAll(/super\((\d{3}),[^;]*?'([a-z]+(?:_[a-z]+)*)'/g)];
    expect(told.length).toBeGreaterThan(8);
    for (const [, status, code] of told)
      expect([STATUSES[code as NowggErrorCode], SECOND[code as NowggErrorCode]]).toContain(Number(status));
  });
});
