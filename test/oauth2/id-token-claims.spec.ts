import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { calculatePKCECodeChallenge, randomPKCECodeVerifier } from 'openid-client';
import type { NowggSignIn } from 'nestjs-nowgg-auth';
import { wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { Browser } from './support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, PHONE, REDIRECT_URI } from './support/identity-system.js';
import { wgtwoShape } from './support/shapes.js';
import { Signer } from './support/signing.js';
import { KEY, WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

/** A system that puts a user's data into the id_token, as Working Group Two does. */
const shape = {
  ...wgtwoShape,
  configuration: (base: string) => ({
    ...wgtwoShape.configuration(base),
    conformIdTokenClaims: false,
    // A code at `POST login` has no verifier.
    pkce: { required: () => false },
  }),
};
const SUBJECT = `pairwise-${CLIENT_ID}-player-1`;

describe('the id_token of a sign-in', () => {
  let system: IdentitySystem;
  let game: WebGame;
  let hooked: NowggSignIn[];

  beforeEach(async () => {
    system = await IdentitySystem.start(shape);
    hooked = [];
    const client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI };
    game = await WebGame.start([wgtwo({ baseUrl: system.url, ...client, acceptCodesAtLogin: true })], {
      tokens: { encryptionKeys: [KEY], onSignIn: (signIn) => void hooked.push(signIn) },
      routes: true,
    });
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  /** A code of the page's own request, with its state and nonce. */
  const codeOf = async ({ clientId = CLIENT_ID, usesPkce = true } = {}) => {
    const codeVerifier = randomPKCECodeVerifier();
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: REDIRECT_URI,
      scope: 'openid phone offline_access',
      state: 'my-state',
      nonce: 'my-nonce',
      ...(usesPkce && {
        code_challenge: await calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
      }),
    });
    const callback = await new Browser().go(`${system.url}/oauth2/auth?${query.toString()}`);
    return { code: new URL(callback).searchParams.get('code') as string, options: { codeVerifier } };
  };

  /** Signs in with a code and a changed id_token. */
  const signInWith = async (change: (idToken: string) => unknown) => {
    const { code, options } = await codeOf();
    system.tamper = (path, body) =>
      path === '/oauth2/token' ? { ...body, id_token: change(String(body.id_token)) } : body;
    return game.tokens.exchangeCode(code, options);
  };

  it('is handed to the application by the callback and the hook: typed, frozen, with the checked nonce', async () => {
    const browser = new Browser();
    const { url, cookie } = await game.authorization.authorizationUrl();
    browser.keep(REDIRECT_URI, cookie.header);
    const { idToken, grant, principal } = await game.finish(browser, await browser.go(url));
    expect(idToken).toMatchObject({
      iss: `${system.url}/`,
      sub: SUBJECT,
      aud: CLIENT_ID,
      nonce: new URL(url).searchParams.get('nonce'),
      phone_number: PHONE,
      phone_number_verified: true,
    });
    const phone: string | undefined = idToken?.phone_number;
    expect([phone, Object.isFrozen(idToken)]).toEqual([PHONE, true]);
    expect(hooked).toEqual([{ grantId: grant.id, principal, idToken, scopes: grant.scopes, isRepeated: false }]);
  });

  it('of a code that the application fetched itself is handed out with the nonce that it sent', async () => {
    const { code, options } = await codeOf();
    const { idToken } = await game.tokens.exchangeCode(code, options);
    expect(idToken).toMatchObject({ sub: SUBJECT, nonce: 'my-nonce', phone_number: PHONE });
    expect(hooked.map(({ isRepeated }) => isRepeated)).toEqual([false]);
    const again = await game.tokens.exchangeCode(code, options);
    expect([again.idToken, hooked[1]?.isRepeated, hooked[1]?.idToken]).toEqual([undefined, true, undefined]);
  });

  it('reaches the hook at POST login, and no answer to a front end', async () => {
    const { code } = await codeOf({ usesPkce: false });
    const reply = await game.post('/auth/login', { code });
    expect([reply.status, hooked[0]?.idToken?.phone_number]).toEqual([200, PHONE]);
    expect(Object.keys(reply.json()).toSorted()).toEqual(['generation', 'session', 'token', 'tokenExpiresAt', 'user']);
  });

  it.each<[string, (idToken: string) => unknown]>([
    [
      'has no signature',
      (idToken) => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${idToken.split('.')[1]}.`,
    ],
    ['has a changed payload', (idToken) => withPayload(idToken, { phone_number: '+1' })],
    ['is not one', () => 'x.y.z'],
    ['is a number', () => 5],
    ['is far too long', (idToken) => idToken + 'A'.repeat(10_000)],
  ])('that %s is not handed out, and the access token decides about the sign-in', async (_how, change) => {
    const { idToken, principal } = await signInWith(change);
    expect([idToken, principal.subject, hooked[0]?.idToken]).toEqual([undefined, SUBJECT, undefined]);
  });

  it('that is signed by a stranger under the name of the right key is not handed out', async () => {
    const stranger = await Signer.create('RS256');
    const { code, options } = await codeOf();
    let forged = '';
    system.tamper = (path, body) => (path === '/oauth2/token' ? { ...body, id_token: forged } : body);
    const claims = { iss: `${system.url}/`, sub: SUBJECT, aud: CLIENT_ID, iat: 1, exp: 4_000_000_000 };
    forged = await stranger.sign(claims, { kid: 'system-key', typ: 'JWT' });
    expect((await game.tokens.exchangeCode(code, options)).idToken).toBeUndefined();
  });

  it('for another client is not handed out', async () => {
    const another = await codeOf({ clientId: 'another-game' });
    const form = { grant_type: 'authorization_code', code: another.code, redirect_uri: REDIRECT_URI };
    const response = await fetch(`${system.url}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`another-game:${CLIENT_SECRET}`).toString('base64')}` },
      body: new URLSearchParams({ ...form, code_verifier: another.options.codeVerifier }),
    });
    const { id_token: foreign } = (await response.json()) as { id_token: string };
    expect(foreign).toEqual(expect.any(String));
    expect((await signInWith(() => foreign)).idToken).toBeUndefined();
  });

  it('that has expired by our clock is not handed out', async () => {
    const { code, options } = await codeOf();
    game.clock.advance(2 * 3_600_000);
    expect((await game.tokens.exchangeCode(code, options)).idToken).toBeUndefined();
  });

  it('of another player refuses the sign-in, and nothing is stored', async () => {
    let foreign = '';
    system.tamper = (path, body) => {
      if (path === '/oauth2/token') foreign = String(body.id_token);
      return body;
    };
    const other = new Browser();
    other.keep(system.url, 'player=player-2; Path=/');
    await game.signIn(other);
    await expect(signInWith(() => foreign)).rejects.toMatchObject({ errorCode: 'invalid_grant' });
    expect(await game.tokens.listGrants(SUBJECT)).toEqual([]);
    expect(hooked).toHaveLength(1);
  });
});

function withPayload(idToken: string, extra: object): string {
  const [head, payload = '', signature] = idToken.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  return [head, Buffer.from(JSON.stringify({ ...claims, ...extra })).toString('base64url'), signature].join('.');
}
