import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { wgtwoShape } from './support/shapes.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

type Body = Record<string, unknown>;

const TOKEN_PATH = '/oauth2/token';
const REVOCATION_PATH = '/oauth2/revoke';
const USER_ID = `pairwise-${CLIENT_ID}-player-1`;
const ENDED = { status: 401, errorCode: 'reauthentication_required' };

describe("with refresh: 'optional', a sign-in without a refresh token", () => {
  let system: IdentitySystem;
  let game: WebGame;
  const replyWith = (change: (body: Body) => Body) => {
    system.tamper = (path, body) => (path === TOKEN_PATH ? change(body) : body);
  };

  beforeEach(async () => {
    system = await IdentitySystem.start(wgtwoShape);
    const client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI };
    game = await WebGame.start([wgtwo({ baseUrl: system.url, ...client, refresh: 'optional' })]);
    replyWith(({ refresh_token: _none, ...body }) => body);
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  /** The state and the mark of each grant. */
  const grants = async () =>
    (await game.tokens.listGrants(USER_ID)).map(({ state, refreshable }) => ({ state, refreshable }));

  it('is a grant that says so, and that no caller refreshes', async () => {
    const { accessToken, grant } = await game.signIn();
    expect(grant).toMatchObject({ state: 'active', refreshable: false });
    expect(grant.refreshTokenExpiresAt).toEqual(grant.accessTokenExpiresAt);
    const { token } = accessToken;
    expect((await game.tokens.getAccessToken(grant.id, { minLifeShare: 0.9 })).token).toBe(token);
    expect((await game.tokens.refresh(grant.id)).token).toBe(token);
    game.clock.advance((accessToken.expiresAt as Date).getTime() - game.clock.now() - 1_000);
    expect((await game.tokens.getAccessToken(grant.id)).token).toBe(token);
    expect(system.seenAt(TOKEN_PATH)).toHaveLength(1);
  });

  it('ends with its access token, for all callers, without a request', async () => {
    const { accessToken, grant, session } = await game.signIn();
    game.clock.advance((accessToken.expiresAt as Date).getTime() - game.clock.now());
    const callers = Array.from({ length: 20 }, async () => game.tokens.getAccessToken(grant.id));
    for (const caller of callers) await expect(caller).rejects.toMatchObject(ENDED);
    expect(await grants()).toEqual([{ state: 'needs_reauth', refreshable: false }]);
    await expect(game.tokens.sessionGrant(session)).rejects.toMatchObject(ENDED);
    expect(system.seenAt(TOKEN_PATH)).toHaveLength(1);
  });

  it('ends when its token is reported as refused and is refused, and not before', async () => {
    const { accessToken, grant } = await game.signIn();
    const reported = { ifGeneration: accessToken.generation };
    expect((await game.tokens.refresh(grant.id, reported)).token).toBe(accessToken.token);
    expect((await game.tokens.getAccessToken(grant.id, reported)).token).toBe(accessToken.token);
    system.mood = 'gone';
    expect((await game.tokens.refresh(grant.id, reported)).token).toBe(accessToken.token);
    system.mood = 'up';
    await (await system.provider.AccessToken.find(accessToken.token))?.destroy();
    game.clock.advance(30_000);
    const outcomes: unknown[] = [];
    // A first refusal of a token that was accepted is confirmed before it is believed.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      outcomes.push(await game.tokens.refresh(grant.id, reported).catch((error: unknown) => error));
      game.clock.advance(3_000);
    }
    expect(outcomes.at(-1)).toMatchObject(ENDED);
    expect(await grants()).toEqual([{ state: 'needs_reauth', refreshable: false }]);
  });

  it('tells the identity system of its access token when the player signs out', async () => {
    const { accessToken, grant } = await game.signIn();
    await game.tokens.revoke(grant.id);
    await system.asked(REVOCATION_PATH);
    expect(await grants()).toMatchObject([{ state: 'revoked' }]);
    expect(await game.outcome(accessToken.token)).toBe('invalid: revoked_token');
    while (await system.provider.AccessToken.find(accessToken.token)) await wait(5);
  });

  it('beside one with a refresh token changes nothing for that one', async () => {
    replyWith((body) => body);
    const { grant } = await game.signIn();
    expect(grant).not.toHaveProperty('refreshable');
    expect(await game.tokens.refresh(grant.id)).toMatchObject({ generation: 2 });
    expect(await grants()).toEqual([{ state: 'active', refreshable: undefined }]);
  });

  it('keeps a token of unknown expiry until it is refused', async () => {
    replyWith(({ refresh_token: _none, expires_in: _unknown, ...body }) => body);
    const { accessToken, grant } = await game.signIn();
    expect(accessToken.expiresAt).toBeUndefined();
    game.clock.advance(3_000_000);
    expect((await game.tokens.getAccessToken(grant.id)).token).toBe(accessToken.token);
  });

  it.each([
    ['empty', ''],
    ['a number', 7],
    ['a list', ['x']],
    ['with a space', 'a b'],
  ])('is not one whose refresh token is %s: nothing is stored', async (_name, refreshToken) => {
    replyWith((body) => ({ ...body, refresh_token: refreshToken }));
    await expect(game.signIn()).rejects.toMatchObject({ name: expect.stringContaining('Error') });
    expect(await game.tokens.listGrants(USER_ID)).toEqual([]);
  });
});
