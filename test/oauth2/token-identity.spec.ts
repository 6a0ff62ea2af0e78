import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as fc from 'fast-check';
import { jwt, oauth2, userinfo } from 'nestjs-nowgg-auth/oauth2';
import { Authenticated } from './support/authenticated.js';
import { Issuer } from './support/issuer.js';
import { respelledSignaturesOf, respellingsOf, twinOf } from './support/respellings.js';
import { ScriptedSystem } from './support/scripted-system.js';
import { Signer } from './support/signing.js';

jest.setTimeout(120_000);

const API = 'https://api.example';
const CLIENT = 'title-1';
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'];
const REFUSED = /^invalid: (?:invalid|malformed)_token$/;

describe('a token that is verified here is one token', () => {
  let issuer: Issuer;
  let opaqueSystem: ScriptedSystem;
  let site: Authenticated;
  const signers = new Map<string, Signer>();
  let made = 0;

  const claims = (changes: Record<string, unknown> = {}) => {
    made += 1;
    const seconds = Math.floor(site.clock.now() / 1000);
    return {
      iss: issuer.url,
      sub: `player-${made}`,
      aud: API,
      client_id: CLIENT,
      jti: `token-${made}`,
      iat: seconds,
      exp: seconds + 600,
      ...changes,
    };
  };
  const newToken = async (algorithm: string, changes?: Record<string, unknown>) =>
    (signers.get(algorithm) as Signer).sign(claims(changes));
  const method = jwt({ audience: API, algorithms: ALGORITHMS });
  const web = () => oauth2({ name: 'web', issuer: issuer.url, clientId: CLIENT, verification: method });
  const both = () =>
    oauth2({
      name: 'web',
      issuer: issuer.url,
      endpoints: { jwks: `${issuer.url}/jwks`, userinfo: `${opaqueSystem.url}/userinfo` },
      clientId: CLIENT,
      verification: { jwt: method, opaque: userinfo() },
    });

  beforeAll(async () => {
    for (const algorithm of ALGORITHMS) signers.set(algorithm, await Signer.create(algorithm));
  });
  beforeEach(async () => {
    issuer = await Issuer.start();
    issuer.publish([...signers.values()].map(({ publicJwk }) => publicJwk));
    opaqueSystem = await ScriptedSystem.start();
    opaqueSystem.reply = { status: 401, body: { error: 'invalid_token' } };
  });
  afterEach(async () => {
    await site[Symbol.asyncDispose]();
    await issuer[Symbol.asyncDispose]();
    await opaqueSystem[Symbol.asyncDispose]();
  });
  afterAll(() => signers.clear());

  describe.each([
    ['alone', web],
    ['beside opaque tokens', both],
  ] as const)('%s', (_name, provider) => {
    beforeEach(async () => {
      site = await Authenticated.by([provider()]);
    });

    it.each(ALGORITHMS)('%s: refuses every respelling, before any look-up of keys', async (algorithm) => {
      const token = await newToken(algorithm);
      const respelled = respelledSignaturesOf(token);
      expect(respelled.length).toBeGreaterThan(8);
      for (const { how, token: text } of respelled) {
        expect([how, await site.outcome(text)]).toEqual([how, expect.stringMatching(REFUSED)]);
      }
      expect([...issuer.asked, ...opaqueSystem.seen]).toEqual([]);
      expect(await site.outcome(token)).toBe('valid');
      for (const { how, token: text } of respellingsOf(token)) {
        expect([how, await site.outcome(text)]).toEqual([how, expect.stringMatching(REFUSED)]);
      }
      expect(await site.outcome(token)).toBe('valid');
    });

    it.each(ALGORITHMS)('%s: refuses every spelling and twin of a revoked token', async (algorithm) => {
      const token = await newToken(algorithm);
      const twin = twinOf(token, algorithm) ?? token;
      expect(await site.outcome(token)).toBe('valid');
      expect(await site.outcome(twin)).toBe('valid');
      await site.revocation.revoke({ token });
      const spellings = [token, twin].flatMap((text) => [text, ...respellingsOf(text).map((r) => r.token)]);
      for (const text of spellings)
        expect(await site.outcome(text)).toMatch(/^invalid: (?:revoked|invalid|malformed)_token$/);
    });

    it.each(['ES256', 'ES384'])('%s: revoking the twin revokes the token, seen before or not', async (algorithm) => {
      const [seen, unseen] = [await newToken(algorithm), await newToken(algorithm)];
      expect(await site.outcome(seen)).toBe('valid');
      for (const token of [seen, unseen]) {
        await site.revocation.revoke({ token: twinOf(token, algorithm) as string });
        expect(await site.outcome(token)).toBe('invalid: revoked_token');
      }
    });

    it('leaves an accepted token alone when it comes with another signature', async () => {
      const token = await newToken('RS256');
      const forged = `${token.slice(0, token.lastIndexOf('.') + 1)}${Buffer.alloc(256, 7).toString('base64url')}`;
      const during = await Promise.all([site.outcome(forged), site.outcome(token), site.outcome(forged)]);
      expect(during).toEqual(['invalid: invalid_token', 'valid', 'invalid: invalid_token']);
      expect(await site.outcome(forged)).toBe('invalid: invalid_token');
      expect(await site.remembered(token)).toBe('accepted');
      expect(await site.remembered(forged)).not.toBe('accepted');
      // Its own refusal does not speak of the accepted one either.
      site.clock.advance(40_000);
      expect(await site.outcome(forged)).toBe('invalid: invalid_token');
      expect(await site.outcome(token)).toBe('valid');
    });

    it('keeps at most two entries, however it is spelled', async () => {
      await site[Symbol.asyncDispose]();
      site = await Authenticated.by([provider()], { verification: { maxEntries: 3 } });
      const other = await newToken('RS256');
      expect(await site.outcome(other)).toBe('valid');
      const token = await newToken('ES256');
      const twin = twinOf(token, 'ES256') as string;
      const spellings = [token, twin].flatMap((text) => [text, ...respellingsOf(text).map((r) => r.token)]);
      expect(spellings.length).toBeGreaterThan(60);
      for (const text of spellings) await site.outcome(text);
      expect(await site.remembered(other)).toBe('accepted');
      expect(await site.remembered(token)).toBe('accepted');
      expect(await site.remembered(twin)).toBe('accepted');
    });

    it('is never accepted after its revocation, nor kept a third time, for random tokens and spellings', async () => {
      await site[Symbol.asyncDispose]();
      site = await Authenticated.by([provider()], { verification: { maxEntries: 3 } });
      const extra = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}_x$/), fc.jsonValue(), { maxKeys: 3 });
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...ALGORITHMS),
          extra,
          fc.array(fc.tuple(fc.nat(), fc.boolean()), { minLength: 1, maxLength: 6 }),
          fc.boolean(),
          async (algorithm, more, picks, revokesTwin) => {
            const bystander = await newToken('EdDSA');
            expect(await site.outcome(bystander)).toBe('valid');
            const token = await newToken(algorithm, more);
            const twin = twinOf(token, algorithm) ?? token;
            const genuine = new Set([token, twin]);
            const texts = picks.map(([pick, ofTwin]) => {
              const all = [token, ...respellingsOf(ofTwin ? twin : token).map((r) => r.token), twin];
              return all[pick % all.length] as string;
            });
            for (const text of texts) {
              expect((await site.outcome(text)) === 'valid').toBe(genuine.has(text));
            }
            // Three entries have room for this token, its twin and the bystander.
            expect(await site.remembered(bystander)).toBe('accepted');
            await site.revocation.revoke({ token: revokesTwin ? twin : token });
            for (const text of [...texts, token, twin]) expect(await site.outcome(text)).not.toBe('valid');
            expect(await site.outcome(bystander)).toBe('valid');
          },
        ),
        { numRuns: 60 },
      );
    });

    it('revokes a token that was never seen, and no other', async () => {
      const [token, other] = [await newToken('PS256'), await newToken('PS256')];
      await site.revocation.revoke({ token });
      expect(await site.outcome(token)).toBe('invalid: revoked_token');
      expect(await site.outcome(other)).toBe('valid');
    });

    it('is refused when the claims begin with a byte order mark', async () => {
      const signer = signers.get('RS256') as Signer;
      const text = JSON.stringify(claims());
      expect(await site.outcome(await signer.sign(text))).toBe('valid');
      expect(await site.outcome(await signer.sign(`\ufeff${text}`))).toMatch(/^invalid/);
    });

    it.each(['1e999', '1e12', '-1', '1e308'])('is refused with the expiry %s', async (exp) => {
      const signer = signers.get('RS256') as Signer;
      const text = JSON.stringify(claims({ exp: 'EXP' })).replace('"EXP"', exp);
      expect(await site.outcome(await signer.sign(text))).toMatch(/^invalid/);
    });

    it.each(['1e999', '1e12', '-1'])('is refused when it was issued at %s', async (iat) => {
      const signer = signers.get('RS256') as Signer;
      const text = JSON.stringify(claims({ iat: 'IAT' })).replace('"IAT"', iat);
      expect(await site.outcome(await signer.sign(text))).toMatch(/^invalid/);
    });

    it('is refused when the signed parts themselves have spare bits set', async () => {
      const signer = signers.get('RS256') as Signer;
      const token = await signer.sign(claims({ jti: `pad-${'x'.repeat(3 - (made % 3))}` }));
      const [header, payload] = token.split('.') as [string, string];
      // Signed by the issuer as it stands, so only its spelling speaks against it.
      for (const { how, token: text } of respellingsOf(`${header}.${payload}.c2ln`)) {
        if (how.endsWith('part 3')) continue;
        const signed = await signer.signText(text.slice(0, text.lastIndexOf('.')));
        expect([how, await site.outcome(signed)]).toEqual([how, expect.stringMatching(/^invalid/)]);
      }
    });
  });
});

describe('a token that another system judges', () => {
  it('is sent as it came, and only its very text is revoked', async () => {
    const system = await ScriptedSystem.start();
    const issuer = await Issuer.start();
    const site = await Authenticated.by([
      oauth2({
        name: 'web',
        issuer: issuer.url,
        endpoints: { userinfo: `${system.url}/userinfo` },
        clientId: CLIENT,
        verification: userinfo(),
      }),
    ]);
    system.reply = { body: { sub: 'player-1' } };
    const token = await issuer.sign({ iss: issuer.url, sub: 'player-1', exp: 4e9 });
    const padded = `${token}==`;
    expect(await site.outcome(padded)).toBe('valid');
    expect(system.seen.map(({ authorization }) => authorization)).toEqual([`Bearer ${padded}`]);
    await site.revocation.revoke({ token });
    expect(await site.outcome(token)).toBe('invalid: revoked_token');
    expect(await site.outcome(padded)).toBe('valid');
    await site[Symbol.asyncDispose]();
    await issuer[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });
});
