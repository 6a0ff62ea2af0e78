import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { sami, wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { Browser } from './support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { SecurityEvents } from './support/security-events.js';
import { samiShape, wgtwoShape } from './support/shapes.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

const client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI };
const NOT_BEGUN_HERE = { status: 400, errorCode: 'invalid_request' };
const unique = () => randomBytes(16).toString('base64url');

function changed(address: string, change: (parameters: URLSearchParams) => void): string {
  const url = new URL(address);
  change(url.searchParams);
  return url.href;
}

describe('an application that runs the redirect itself', () => {
  let system: IdentitySystem;
  let game: WebGame;
  let events: SecurityEvents;

  beforeEach(async () => {
    system = await IdentitySystem.start(wgtwoShape);
    game = await WebGame.start([wgtwo({ baseUrl: system.url, ...client })]);
    events = new SecurityEvents();
  });
  afterEach(async () => {
    events[Symbol.dispose]();
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  /** A native application: it opens the address in a browser, and gets the callback's address without any cookie. */
  const begin = async (options: Parameters<typeof game.authorization.authorizationUrl>[1] = {}) => {
    const begun = await game.authorization.authorizationUrl('wgtwo', options);
    return { ...begun, callback: await new Browser().go(begun.url) };
  };
  const finish = async (url: string, pending: string) => game.authorization.callback('wgtwo', { url, pending });
  const refused = async (url: string, pending: string) => {
    const asked = system.seenAt('/oauth2/token').length;
    const error = await finish(url, pending).catch((thrown: unknown) => thrown);
    expect(system.seenAt('/oauth2/token')).toHaveLength(asked);
    expect(await game.tokens.listGrants(`pairwise-${CLIENT_ID}-player-1`)).toEqual([]);
    return error;
  };

  it('keeps an opaque text, and finishes with it and nothing else', async () => {
    const [state, nonce] = [unique(), unique()];
    const begun = await begin({ state, nonce, loginHint: '+46 1', prompt: 'login' });
    expect(begun.state).toBe(state);
    const parameters = new URL(begun.url).searchParams;
    expect(Object.fromEntries(parameters)).toMatchObject({ state, nonce, login_hint: '+46 1', prompt: 'login' });
    expect(begun.pending).toMatch(/^[\w-]{100,1000}$/);
    for (const secret of [state, nonce]) expect(Buffer.from(begun.pending, 'base64url').includes(secret)).toBe(false);
    const signIn = await finish(begun.callback, begun.pending);
    expect(signIn.principal.userId).toBe(`pairwise-${CLIENT_ID}-player-1`);
    expect(await finish(begun.callback, begun.pending).catch((thrown: unknown) => thrown)).toMatchObject(
      NOT_BEGUN_HERE,
    );
    expect(system.seenAt('/oauth2/token')).toHaveLength(1);
  });

  it('can finish in another process, and not after ten minutes', async () => {
    const begun = await begin();
    const late = await begin();
    const other = await WebGame.start([wgtwo({ baseUrl: system.url, ...client })]);
    const signIn = await other.authorization.callback('wgtwo', { url: begun.callback, pending: begun.pending });
    expect(signIn.principal.provider).toBe('wgtwo');
    await other[Symbol.asyncDispose]();
    game.clock.advance(600_001);
    expect(await refused(late.callback, late.pending)).toMatchObject(NOT_BEGUN_HERE);
  });

  it.each<[string, (mine: string, other: string) => string]>([
    ['of another sign-in', (_mine, other) => other],
    ['that was changed', (mine) => `${mine.slice(0, 60)}${mine[60] === 'A' ? 'B' : 'A'}${mine.slice(61)}`],
    ['that was cut', (mine) => mine.slice(0, -8)],
    ['that is empty', () => ''],
    ['that is endless', (mine) => mine.repeat(40)],
    ['with another alphabet', (mine) => `${mine}=`],
  ])('is refused with a text %s, and no one is asked', async (_name, textOf) => {
    const [mine, other] = [await begin(), await begin()];
    const before = events.of('foreign_callback').length;
    expect(await refused(mine.callback, textOf(mine.pending, other.pending))).toMatchObject(NOT_BEGUN_HERE);
    expect(events.of('foreign_callback')).toHaveLength(before + 1);
  });

  it('is refused with a nonce that the id_token does not name', async () => {
    const [mine, other] = [await begin({ nonce: unique() }), await begin({ nonce: unique() })];
    const genuine: Record<string, unknown>[] = [];
    system.tamper = (path, body) => {
      if (path !== '/oauth2/token') return body;
      genuine.push(body);
      return { ...body, id_token: genuine[0]?.id_token };
    };
    await finish(other.callback, other.pending);
    await expect(finish(mine.callback, mine.pending)).rejects.toMatchObject({ errorCode: 'invalid_grant' });
  });

  it('gets an id_token for its nonce or no sign-in, where the scopes lack openid', async () => {
    const begun = await begin({ scopes: ['phone', 'offline_access'], nonce: unique() });
    expect(new URL(begun.url).searchParams.get('scope')).toBe('phone offline_access');
    await expect(finish(begun.callback, begun.pending)).rejects.toMatchObject({ errorCode: 'invalid_grant' });
  });

  it('learns which scopes the redirect names', async () => {
    const withScope = async (scope: string, scopes?: string[]) => {
      const begun = await begin(scopes && { scopes });
      const callback = changed(begun.callback, (parameters) => parameters.set('scope', scope));
      return (await finish(callback, begun.pending)).redirectScopes;
    };
    expect(await withScope('openid phone offline_access')).toEqual({
      granted: ['openid', 'phone', 'offline_access'],
      withheld: [],
      added: [],
    });
    expect(await withScope('openid  offline_access email')).toMatchObject({ withheld: ['phone'], added: ['email'] });
    expect(await withScope('openid', ['openid', 'offline_access'])).toMatchObject({ withheld: ['offline_access'] });
    expect(await withScope('')).toMatchObject({ granted: [], withheld: ['openid', 'phone', 'offline_access'] });
    const none = await begin();
    expect(await finish(none.callback, none.pending)).not.toHaveProperty('redirectScopes');
  });

  it.each<[string, (parameters: URLSearchParams) => void]>([
    ['twice', (parameters) => ['openid', 'phone'].forEach((scope) => parameters.append('scope', scope))],
    ['with a line break', (parameters) => parameters.set('scope', 'openid\r\nphone')],
    ['with a quote', (parameters) => parameters.set('scope', 'openid "phone"')],
    ['with another alphabet', (parameters) => parameters.set('scope', 'öpenid')],
    ['without an end', (parameters) => parameters.set('scope', 'x'.repeat(9_000))],
  ])('is refused with a scope %s, and no one is asked', async (_name, change) => {
    const begun = await begin();
    expect(await refused(changed(begun.callback, change), begun.pending)).toMatchObject(NOT_BEGUN_HERE);
  });

  it('sends SAMI the scopes of this sign-in with the code', async () => {
    const samiSystem = await IdentitySystem.start(samiShape);
    const tokenInfoUrl = `${samiSystem.url}/v1.1/accounts/tokenInfo`;
    const owners = await WebGame.start([sami({ baseUrl: samiSystem.url, tokenInfoUrl, ...client })]);
    const state = unique();
    const { url, pending } = await owners.authorization.authorizationUrl('sami', { scopes: ['read'], state });
    await owners.authorization.callback('sami', { url: await new Browser().go(url), pending });
    const form = new URLSearchParams(samiSystem.seenAt('/token').at(-1)?.body);
    expect([form.get('scope'), form.get('state')]).toEqual(['read', state]);
    await owners[Symbol.asyncDispose]();
    await samiSystem[Symbol.asyncDispose]();
  });
});
