import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { memoryTokenStore, SystemClock, type TokenStoreWiring } from 'nestjs-nowgg-auth';
import { authgear, AuthorizationRefusedError, wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { Browser } from './support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { authgearShape, wgtwoShape } from './support/shapes.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

const TOKEN_PATH = '/oauth2/token';
const client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI };
const NOT_BEGUN_HERE = { status: 400, errorCode: 'invalid_request' };

function changed(address: string, change: (parameters: URLSearchParams) => void): string {
  const url = new URL(address);
  change(url.searchParams);
  return url.href;
}

describe('the way back from the identity system', () => {
  let system: IdentitySystem;
  let game: WebGame;
  let browser: Browser;

  beforeEach(async () => {
    system = await IdentitySystem.start(authgearShape('opaque'));
    game = await WebGame.start([authgear({ endpoint: system.url, ...client })]);
    browser = new Browser();
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  /** The error, and that the code was not sent. */
  const refused = async (callback: string, by = browser) => {
    const asked = system.seenAt(TOKEN_PATH).length;
    const error = await game.finish(by, callback).catch((thrown: unknown) => thrown);
    expect(system.seenAt(TOKEN_PATH)).toHaveLength(asked);
    return error;
  };

  it('serves once', async () => {
    const callback = await game.sendOut(browser);
    const cookies = browser.cookies(REDIRECT_URI);
    expect((await game.finish(browser, callback)).principal.userId).toBe('player-1');
    expect(browser.cookies(REDIRECT_URI)).toBeUndefined();
    const again = game.authorization.callback(undefined, { url: callback, cookie: cookies });
    await expect(again).rejects.toMatchObject(NOT_BEGUN_HERE);
    expect(system.seenAt(TOKEN_PATH)).toHaveLength(1);
  });

  it('serves once among 20 that arrive together', async () => {
    const callback = await game.sendOut(browser);
    const cookie = browser.cookies(REDIRECT_URI);
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, async () => game.authorization.callback('authgear', { url: callback, cookie })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(system.seenAt(TOKEN_PATH)).toHaveLength(1);
  });

  it('serves no other browser', async () => {
    const callback = await game.sendOut(browser);
    expect(await refused(callback, new Browser())).toMatchObject(NOT_BEGUN_HERE);
    const other = new Browser();
    await game.sendOut(other);
    expect(await refused(callback, other)).toMatchObject(NOT_BEGUN_HERE);
  });

  it('leads each of two tabs to its own end', async () => {
    const [first, second] = [
      await game.sendOut(browser, undefined, { returnTo: '/first' }),
      await game.sendOut(browser, undefined, { returnTo: '/second?x=1' }),
    ];
    expect((await game.finish(browser, second)).returnTo).toBe('/second?x=1');
    expect((await game.finish(browser, first)).returnTo).toBe('/first');
  });

  it('is refused after ten minutes', async () => {
    const callback = await game.sendOut(browser);
    game.clock.advance(600_001);
    expect(await refused(callback)).toMatchObject(NOT_BEGUN_HERE);
  });

  it.each<[string, (parameters: URLSearchParams) => void]>([
    ['without state', (parameters) => parameters.delete('state')],
    ['with an empty state', (parameters) => parameters.set('state', '')],
    ['with a foreign state', (parameters) => parameters.set('state', 'A'.repeat(43))],
    ['with a state twice', (parameters) => parameters.append('state', 'A'.repeat(43))],
    ['with a code twice', (parameters) => parameters.append('code', 'x')],
    ['without a code', (parameters) => parameters.delete('code')],
    ['with an endless code', (parameters) => parameters.set('code', 'x'.repeat(9_000))],
  ])('is refused %s, and nothing is sent', async (_name, change) => {
    expect(await refused(changed(await game.sendOut(browser), change))).toMatchObject(NOT_BEGUN_HERE);
  });

  it.each<[string, (parameters: URLSearchParams) => void]>([
    ['another issuer', (parameters) => parameters.set('iss', 'https://evil.example')],
    ['no issuer where one is promised', (parameters) => parameters.delete('iss')],
    ['an id_token in the address', (parameters) => parameters.set('id_token', 'x')],
  ])('is refused with %s, and nothing is sent', async (_name, change) => {
    expect(await refused(changed(await game.sendOut(browser), change))).toMatchObject({ errorCode: 'invalid_grant' });
  });

  it('does not take the code of another tab: the verifier is not its own', async () => {
    const [first, second] = [await game.sendOut(browser), await game.sendOut(browser)];
    const code = new URL(second).searchParams.get('code') as string;
    const mixed = changed(first, (parameters) => parameters.set('code', code));
    await expect(game.finish(browser, mixed)).rejects.toMatchObject({ status: 400, errorCode: 'invalid_grant' });
  });

  it.each(['A', ''])('does not open a cookie that was changed: %j', async (last) => {
    const callback = await game.sendOut(browser);
    const cookie = `${browser.cookies(REDIRECT_URI)?.slice(0, -1)}${last}`;
    // The last character may be the same by chance; the one before it is then another.
    const shortened = `${cookie.slice(0, -2)}${cookie.at(-1) ?? ''}`;
    await expect(game.authorization.callback(undefined, { url: callback, cookie: shortened })).rejects.toMatchObject(
      NOT_BEGUN_HERE,
    );
  });

  it('is an error of the player after a refusal, and serves once too', async () => {
    browser.keep(system.url, 'refuses=1; Path=/');
    const callback = await game.sendOut(browser);
    const error = await refused(callback);
    expect(error).toBeInstanceOf(AuthorizationRefusedError);
    expect(error).toMatchObject({ status: 400, errorCode: 'invalid_grant', refusal: 'access_denied' });
    expect(await refused(callback)).toMatchObject(NOT_BEGUN_HERE);
  });

  it.each([
    ['<script>alert(1)</script>', { refusal: 'other' }],
    ['login_required', { refusal: 'login_required' }],
    ['temporarily_unavailable', { errorCode: 'identity_unavailable' }],
  ])('with the error %s says what may be said of it', async (error, expected) => {
    const callback = changed(await game.sendOut(browser), (parameters) => {
      parameters.delete('code');
      parameters.set('error', error);
      parameters.set('error_description', 'secret details');
    });
    const thrown = await refused(callback);
    expect(thrown).toMatchObject(expected);
    expect(inspect(thrown, { depth: 9, showHidden: true })).not.toContain('secret details');
  });

  it('with an error in the name of another issuer is not believed', async () => {
    const callback = changed(await game.sendOut(browser), (parameters) => {
      parameters.set('error', 'access_denied');
      parameters.set('iss', 'https://evil.example');
    });
    expect(await refused(callback)).toMatchObject(NOT_BEGUN_HERE);
  });

  it.each(['//evil.example', 'https://evil.example', '/\\evil.example', 'evil', '/a\nb', ''])(
    'may not lead to %j',
    async (returnTo) => {
      await expect(game.authorization.authorizationUrl(undefined, { returnTo })).rejects.toMatchObject({ status: 400 });
    },
  );

  it('may be tried again by the same browser after an outage', async () => {
    const callback = await game.sendOut(browser);
    system.mood = 'broken';
    await expect(game.finish(browser, callback)).rejects.toMatchObject({ status: 503 });
    system.mood = 'up';
    // The code's lease has to lapse: what became of the first attempt is not known.
    game.clock.advance(60_000);
    expect((await game.finish(browser, callback)).principal.userId).toBe('player-1');
  });

  it('tells nothing of code, state or verifier in its errors', async () => {
    const callback = await game.sendOut(browser);
    const { searchParams } = new URL(callback);
    const secrets = [searchParams.get('code'), searchParams.get('state'), CLIENT_SECRET] as string[];
    system.tamper = () => ({ error: 'invalid_grant', error_description: secrets.join() });
    const error = inspect(await game.finish(browser, callback).catch((thrown: unknown) => thrown), {
      depth: 12,
      showHidden: true,
    });
    expect(secrets.filter((secret) => error.includes(secret))).toEqual([]);
  });

  describe('with a token reply that', () => {
    let genuine: Record<string, unknown>;
    const replyWith = (change: (body: Record<string, unknown>) => Record<string, unknown>) => {
      system.tamper = (path, body) => (path === TOKEN_PATH ? change(body) : body);
    };

    beforeEach(async () => {
      replyWith((body) => {
        genuine = body;
        return body;
      });
      const other = new Browser();
      other.keep(system.url, 'player=player-2; Path=/');
      await game.signIn(other);
    });

    it.each<[string, (body: Record<string, unknown>, other: Record<string, unknown>) => Record<string, unknown>]>([
      ['has the id_token of another sign-in', (body, { id_token }) => ({ ...body, id_token })],
      ['has the access token of another player', (body, { access_token }) => ({ ...body, access_token })],
      ['has no id_token', ({ id_token: _id_token, ...body }) => body],
      ['has an id_token without a signature', (body) => ({ ...body, id_token: unsigned(body.id_token) })],
      ['has an id_token with a changed payload', (body) => ({ ...body, id_token: forged(body.id_token) })],
      ['has an id_token that is none', (body) => ({ ...body, id_token: 'x.y.z' })],
    ])('%s is refused, and nothing is stored', async (_name, change) => {
      replyWith((body) => change(body, genuine));
      await expect(game.signIn(browser)).rejects.toMatchObject({ status: 400, errorCode: 'invalid_grant' });
      expect(await game.tokens.listGrants('player-1')).toEqual([]);
    });
  });
});

describe('a sign-in', () => {
  it('without a refresh token is a fault of the configuration, and says which', async () => {
    const system = await IdentitySystem.start(wgtwoShape);
    const game = await WebGame.start([wgtwo({ baseUrl: system.url, ...client })]);
    system.tamper = (_path, { refresh_token: _refresh_token, ...body }) => body;
    await expect(game.signIn()).rejects.toMatchObject({
      errorCode: 'configuration',
      message: expect.stringContaining('offline_access'),
    });
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  it('stays good through an outage of ten minutes: no token is refused', async () => {
    const system = await IdentitySystem.start(wgtwoShape);
    const game = await WebGame.start([wgtwo({ baseUrl: system.url, ...client })]);
    const { accessToken, grant } = await game.signIn();
    const outcomes = [await game.outcome(accessToken.token)];
    system.mood = 'gone';
    for (let minute = 0; minute < 10; minute += 1) {
      outcomes.push(await game.outcome(accessToken.token));
      game.clock.advance(60_000);
    }
    expect(outcomes.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => 'valid'));
    expect(outcomes.filter((outcome) => outcome.startsWith('invalid'))).toEqual([]);
    expect((await game.tokens.getAccessToken(grant.id)).token).toBe(accessToken.token);
    system.mood = 'up';
    game.clock.advance(60_000);
    expect(await game.outcome(accessToken.token)).toBe('valid');
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });
});

/** The same claims under `alg: none`. */
function unsigned(idToken: unknown): string {
  const head = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
  return `${head}.${String(idToken).split('.')[1]}.`;
}

/** Another player, under the signature for the first. */
function forged(idToken: unknown): string {
  const [head, payload = '', signature] = String(idToken).split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  return `${head}.${Buffer.from(JSON.stringify({ ...claims, sub: 'player-2' })).toString('base64url')}.${signature}`;
}

describe('several processes and several systems', () => {
  it('finish what another process began, once', async () => {
    const system = await IdentitySystem.start(wgtwoShape);
    const store = memoryTokenStore().create({ clock: new SystemClock() });
    const tokenStore: TokenStoreWiring = { inject: [], create: () => store };
    const provider = () => [wgtwo({ baseUrl: system.url, ...client })];
    const [one, two] = [
      await WebGame.start(provider(), { tokenStore }),
      await WebGame.start(provider(), { tokenStore }),
    ];
    const browser = new Browser();
    const callback = await one.sendOut(browser);
    const request = { url: callback, cookie: browser.cookies(REDIRECT_URI) };
    const results = await Promise.allSettled([
      two.authorization.callback('wgtwo', request),
      one.authorization.callback('wgtwo', request),
    ]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(system.seenAt(TOKEN_PATH)).toHaveLength(1);
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  it('do not mix: a callback for one system is nothing to another', async () => {
    const [honest, other] = [
      await IdentitySystem.start(wgtwoShape),
      await IdentitySystem.start(authgearShape('opaque')),
    ];
    const game = await WebGame.start([
      wgtwo({ baseUrl: honest.url, ...client }),
      authgear({ endpoint: other.url, ...client }),
    ]);
    const browser = new Browser();
    const callback = await game.sendOut(browser, 'wgtwo');
    await expect(game.finish(browser, callback, 'authgear')).rejects.toMatchObject(NOT_BEGUN_HERE);
    await expect(game.finish(browser, callback)).rejects.toMatchObject({ errorCode: 'configuration' });
    // Its discovery document at boot, and nothing since.
    expect(other.seen.map(({ path }) => path)).toEqual(['/.well-known/openid-configuration']);
    expect((await game.finish(browser, callback, 'wgtwo')).principal.provider).toBe('wgtwo');
    await game[Symbol.asyncDispose]();
    await honest[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  });
});
