import { afterEach, beforeEach, expect, describe, it, jest } from '@jest/globals';
import { nowgg } from 'nestjs-nowgg-auth';
import { jwt, oauth2, userinfo, wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { Authenticated } from './support/authenticated.js';
import { Issuer } from './support/issuer.js';
import { ScriptedSystem } from './support/scripted-system.js';

jest.setTimeout(60_000);

const API = 'https://api.example';

describe('one application with several identity systems', () => {
  let issuer: Issuer;
  let nowGg: ScriptedSystem;
  let opaque: ScriptedSystem;
  let site: Authenticated;
  const seconds = () => Math.floor(site.clock.now() / 1000);
  const claims = (changes: object) => ({
    iss: issuer.url,
    sub: 'same-id',
    aud: API,
    client_id: 'title-1',
    jti: String(Math.random()),
    iat: seconds(),
    exp: seconds() + 60,
    ...changes,
  });
  /** now.gg's tokens are verified by asking, so any signature will do here. */
  const nowGgToken = (aud: string) => {
    const payload = {
      iss: 'https://now.gg',
      aud,
      tokenId: 't',
      userId: 'same-id',
      iat: seconds(),
      exp: seconds() + 60,
    };
    nowGg.reply = { body: { success: true, code: 'VERIFICATION_SUCCESS', decodedData: payload } };
    return `${[{ alg: 'HS256' }, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.c2ln`;
  };

  beforeEach(async () => {
    [issuer, nowGg, opaque] = [await Issuer.start(), await ScriptedSystem.start(), await ScriptedSystem.start()];
    const verification = jwt({ audience: API });
    site = await Authenticated.by([
      nowgg({ name: 'mobile', clientId: 'app-1', clientSecret: 's', baseUrl: nowGg.url }),
      nowgg({ name: 'mobile-2', clientId: 'app-2', clientSecret: 's', baseUrl: nowGg.url }),
      oauth2({ name: 'web', issuer: issuer.url, clientId: 'title-1', verification }),
      oauth2({ name: 'web-2', issuer: issuer.url, clientId: 'title-2', verification }),
      wgtwo({ baseUrl: opaque.url, clientId: 'c', clientSecret: 's' }),
    ]);
  });
  afterEach(async () => {
    await site[Symbol.asyncDispose]();
    await issuer[Symbol.asyncDispose]();
    await nowGg[Symbol.asyncDispose]();
    await opaque[Symbol.asyncDispose]();
  });

  it('chooses by issuer and client, and keeps players of the same id apart', async () => {
    const provider = async (token: string) => {
      const verdict = await site.verdict(token);
      return verdict.status === 'valid' ? `${verdict.principal.provider} ${verdict.principal.userId}` : verdict.reason;
    };
    expect(await provider(await issuer.sign(claims({})))).toBe('web same-id');
    expect(await provider(await issuer.sign(claims({ client_id: 'title-2' })))).toBe('web-2 same-id');
    expect(await provider(nowGgToken('app-1'))).toBe('mobile same-id');
    expect(await provider(nowGgToken('app-2'))).toBe('mobile-2 same-id');
  });

  it('takes on a route of one only its own tokens', async () => {
    const token = await issuer.sign(claims({}));
    expect(await site.outcome(token, { provider: 'web' })).toBe('valid');
    expect(await site.outcome(token, { provider: 'web-2' })).toBe('invalid: wrong_provider');
    expect(await site.outcome(token, { provider: 'mobile' })).toBe('invalid: wrong_provider');
    expect(await site.outcome(nowGgToken('app-2'), { provider: 'mobile' })).toBe('invalid: wrong_provider');
    // Good nowhere: the reason is that of its own provider.
    const expired = await issuer.sign(claims({ exp: seconds() - 3_600, iat: seconds() - 7_200 }));
    expect(await site.outcome(expired, { provider: 'mobile' })).toBe('invalid: expired_token');
    const forged = `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(86)}`;
    expect(await site.outcome(forged, { provider: 'mobile' })).toMatch(/^invalid: (malformed|invalid)_token$/);
    const unasked = nowGgToken('app-2').replace(/\.c2ln$/, '.b3RoZXI');
    nowGg.reply = { status: 500, body: {} };
    expect(await site.outcome(unasked, { provider: 'mobile' })).toMatch(/^unknown/);
  });

  it('does not believe a token that only names its system', async () => {
    const foreign = await Issuer.start(200);
    expect(await site.outcome(await foreign.sign(claims({}), { kid: issuer.currentKey.kid }))).toBe(
      'invalid: invalid_token',
    );
    expect(await site.outcome(await foreign.sign(claims({ iss: foreign.url })))).toBe('invalid: wrong_client');
    expect(foreign.asked).toEqual([]);
    await foreign[Symbol.asyncDispose]();
  });

  it('sends a token that names no system to none, unless the route names one', async () => {
    opaque.reply = { body: { sub: 'p' } };
    expect(await site.outcome('opaque-token')).toBe('invalid: invalid_token');
    expect([...nowGg.seen, ...opaque.seen, ...issuer.asked]).toEqual([]);
    expect(await site.outcome('opaque-token', { provider: 'wgtwo' })).toBe('valid');
    expect(opaque.seen).toHaveLength(1);
    expect(nowGg.seen).toEqual([]);
  });

  it('sends no token of one issuer to another, whatever the route says', async () => {
    const token = await issuer.sign(claims({}));
    expect(await site.outcome(token, { provider: 'wgtwo' })).toBe('invalid: wrong_provider');
    expect(opaque.seen).toEqual([]);
  });

  it('verifies JWTs and opaque tokens of one client each in its way', async () => {
    const both = await Authenticated.by([
      oauth2({
        name: 'both',
        issuer: issuer.url,
        endpoints: { jwks: `${issuer.url}/jwks`, userinfo: `${opaque.url}/userinfo` },
        clientId: 'title-1',
        verification: { jwt: jwt({ audience: API }), opaque: userinfo() },
      }),
    ]);
    opaque.reply = { body: { sub: 'p' } };
    expect(await both.outcome(await issuer.sign(claims({})))).toBe('valid');
    expect(opaque.seen).toEqual([]);
    expect(await both.outcome('opaque-token')).toBe('valid');
    await both[Symbol.asyncDispose]();
  });
});
