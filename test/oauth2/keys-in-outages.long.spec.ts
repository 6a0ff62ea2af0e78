import { jest, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeJwt, generateKeyPair } from 'jose';
import { jwt, oauth2 } from 'nestjs-nowgg-auth/oauth2';
import { Authenticated } from './support/authenticated.js';
import { Issuer, type IssuerMood } from './support/issuer.js';

const API = 'https://api.example';
const COOL_DOWN_MS = 30_000;

jest.setTimeout(60_000);

describe('the keys of an issuer', () => {
  let issuer: Issuer;
  let site: Authenticated;
  let made = 0;

  const token = async (changes: Record<string, unknown> = {}, header: Record<string, unknown> = {}) => {
    const now = Math.floor(site.clock.now() / 1000);
    made += 1;
    const claims = {
      sub: 'p',
      aud: API,
      client_id: 'c',
      jti: `t-${made}`,
      iat: now,
      exp: now + 3_600,
      iss: issuer.url,
    };
    return issuer.sign({ ...claims, ...changes }, header);
  };

  beforeEach(async () => {
    issuer = await Issuer.start();
    site = await Authenticated.by([
      oauth2({ name: 'web', issuer: `${issuer.url}/`, clientId: 'c', verification: jwt({ audience: API }) }),
    ]);
  });
  afterEach(async () => {
    await site[Symbol.asyncDispose]();
    await issuer[Symbol.asyncDispose]();
  });

  it('are fetched once for all who need them first, and not before', async () => {
    expect(issuer.asked).toEqual([]);
    const tokens = await Promise.all(Array.from({ length: 200 }, async () => token()));
    const outcomes = await Promise.all(tokens.map(async (each) => site.outcome(each)));
    expect(new Set(outcomes)).toEqual(new Set(['valid']));
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/jwks']);
  });

  it.each<IssuerMood>(['broken', 'gone'])(
    'are unknown, not a no, while the issuer is %s from the start',
    async (mood) => {
      issuer.mood = mood;
      expect(await site.outcome(await token())).toMatch(/^unknown: (?:server_error|network)$/);
      const asked = issuer.asked.length;
      expect(await site.outcome(await token())).toMatch(/^unknown/);
      expect(issuer.asked.length).toBe(asked);
      issuer.mood = 'up';
      site.clock.advance(COOL_DOWN_MS);
      expect(await site.outcome(await token())).toBe('valid');
    },
  );

  it('go on serving through an outage of ten minutes, for known and for new players', async () => {
    const known = await token();
    expect(await site.outcome(known)).toBe('valid');
    issuer.mood = 'gone';
    const outcomes = new Set<string>();
    for (let minute = 0; minute < 10; minute += 1) {
      site.clock.advance(60_000);
      outcomes.add(await site.outcome(known));
      outcomes.add(await site.outcome(await token()));
      // In the background, when it is due.
      await new Promise(setImmediate);
    }
    expect(outcomes).toEqual(new Set(['valid']));
  });

  it('that are unknown are no 401 in an outage, and cost the players with known keys nothing', async () => {
    expect(await site.outcome(await token())).toBe('valid');
    issuer.mood = 'gone';
    await issuer.rotate();
    for (let round = 0; round < 20; round += 1) {
      expect(await site.outcome(await token())).toMatch(/^unknown/);
    }
    // The first fetch, one for the unknown key, and its one retry on a new connection.
    expect(issuer.keyFetches).toBeLessThanOrEqual(3);
    const [older] = issuer.keys;
    const byOlder = await issuer.sign(
      {
        sub: 'p',
        aud: API,
        client_id: 'c',
        jti: 'older',
        iat: 1,
        exp: Math.floor(site.clock.now() / 1000) + 60,
        iss: issuer.url,
      },
      {},
      older,
    );
    expect(await site.outcome(byOlder)).toBe('valid');
  });

  it('are fetched at most once per cool-down for unknown key ids; meanwhile these are no 401', async () => {
    expect(await site.outcome(await token())).toBe('valid');
    for (let round = 1; round <= 3; round += 1) {
      const fetched = issuer.keyFetches;
      // The set was requested after this token came: it has no such key.
      expect(await site.outcome(await token({}, { kid: 'first' }))).toBe('invalid: invalid_token');
      for (let attempt = 0; attempt < 10; attempt += 1) {
        expect(await site.outcome(await token({}, { kid: `unknown-${attempt}` }))).toBe('unknown: unknown_key');
      }
      expect(issuer.keyFetches - fetched).toBe(1);
      site.clock.advance(COOL_DOWN_MS + 1);
    }
  });

  it('give no wrong verdict while they are rotated under load', async () => {
    const outcomes: string[] = [];
    let withdrawn: string | undefined;
    for (let rotation = 0; rotation < 8; rotation += 1) {
      const [before, [, after]] = [
        await Promise.all(Array.from({ length: 25 }, async () => token())),
        await Promise.all([issuer.rotate(), Promise.all(Array.from({ length: 25 }, async () => token()))]),
      ];
      const fresh = await Promise.all(Array.from({ length: 25 }, async () => token()));
      outcomes.push(...(await Promise.all([...before, ...after, ...fresh].map(async (each) => site.outcome(each)))));
      withdrawn ??= before[0];
      site.clock.advance(COOL_DOWN_MS + 1);
    }
    expect(outcomes).toHaveLength(600);
    expect(new Set(outcomes)).toEqual(new Set(['valid']));
    expect(await site.outcome(withdrawn as string, { maxAgeMs: 0 })).toBe('invalid: invalid_token');
  });

  it('serve under a header that was good before, but only what they signed', async () => {
    const strangers = await generateKeyPair('RS256');
    for (let use = 0; use < 3; use += 1) expect(await site.outcome(await token())).toBe('valid');
    const { kid } = issuer.currentKey.publicJwk;
    const forged = await issuer.sign(decodeJwt(await token()), { kid }, { ...issuer.currentKey, ...strangers });
    const good = await token();
    expect(forged.split('.')[0]).toBe(good.split('.')[0]);
    expect(await site.outcome(forged)).toBe('invalid: invalid_token');
    expect(await site.outcome(await token({ aud: 'https://other.example' }))).toBe('invalid: wrong_client');
    expect(await site.outcome(await token({ exp: 1 }))).toBe('invalid: expired_token');
    expect(await site.outcome(good)).toBe('valid');
  });

  it('serve however many different headers name them', async () => {
    for (let nonce = 0; nonce < 150; nonce += 1) {
      expect(await site.outcome(await token({}, { nonce: `n-${nonce}` }))).toBe('valid');
    }
    expect(await site.outcome(await token({}, { typ: 'JWT', nonce: 'n-1' }))).toBe('invalid: wrong_token_type');
  });

  it('that were withdrawn stop serving within ten minutes, without a token of an unknown key', async () => {
    const old = await token();
    expect(await site.outcome(old)).toBe('valid');
    await issuer.rotate({ keep: 0 });
    site.clock.advance(600_001);
    expect(await site.outcome(old)).toBe('invalid: invalid_token');
  });

  it.each([{ keys: [] }, { keys: 'x' }, { keys: [5] }])(
    'are kept when the issuer publishes nonsense: %j',
    async ({ keys }) => {
      const known = await token();
      expect(await site.outcome(known)).toBe('valid');
      issuer.publish(keys as never);
      site.clock.advance(600_001);
      expect(await site.outcome(await token())).toBe('valid');
    },
  );

  it('that no signature may be checked with do not pass: a secret, a private key, one for encryption', async () => {
    const { publicJwk } = issuer.currentKey;
    issuer.publish([
      { kty: 'oct', k: Buffer.from('secret').toString('base64url'), kid: publicJwk.kid },
      { ...publicJwk, use: 'enc' },
    ] as never);
    expect(await site.outcome(await token())).toBe('invalid: invalid_token');
  });
});
