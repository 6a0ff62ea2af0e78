import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { SamiOptions } from 'nestjs-nowgg-auth/oauth2';
import { IdentitySystem } from './support/identity-system.js';
import { samiProvider } from './support/providers.js';
import { samiShape } from './support/shapes.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

describe('Samsung SAMI', () => {
  let system: IdentitySystem;
  let game: WebGame;

  const gameWith = async (options: Partial<SamiOptions> = {}) =>
    WebGame.start([samiProvider(system, { applicationScopes: ['read', 'write'], ...options })]);

  beforeEach(async () => {
    system = await IdentitySystem.start(samiShape);
    game = await gameWith();
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  it('is asked for scopes with commas', async () => {
    const { url } = await game.authorization.authorizationUrl();
    const parameters = new URL(url).searchParams;
    expect(parameters.get('scope')).toBe('read,write');
    expect(parameters.has('nonce')).toBe(false);
    expect(new URL(url).pathname).toBe('/authorize');
  });

  it('signs a player in, whose token is verified by token info', async () => {
    const { principal, accessToken } = await game.signIn();
    expect(principal).toMatchObject({ provider: 'sami', userId: 'player-1', tokenType: 'token' });
    expect(principal.expiresAt?.getTime()).toBeGreaterThan(game.clock.now() + 3_000_000);
    expect((await game.fetch('/guarded', accessToken.token)).status).toBe(200);
  });

  it('refreshes', async () => {
    const { grant, accessToken } = await game.signIn();
    const { token } = await game.tokens.refresh(grant.id);
    expect(token).not.toBe(accessToken.token);
    expect(await game.outcome(token)).toBe('valid');
  });

  it('does not get a token of another application accepted', async () => {
    const other = await gameWith({ clientId: 'another-game' });
    const { accessToken } = await game.signIn();
    expect(await other.outcome(accessToken.token)).toBe('invalid: wrong_client');
    await other[Symbol.asyncDispose]();
  });

  it('gives the application a token for several scopes', async () => {
    const { token, expiresAt } = await game.applicationTokens.getApplicationToken('sami');
    expect(token).toMatch(/^[\w-]+$/);
    expect(expiresAt?.getTime()).toBeGreaterThan(game.clock.now());
  });

  it('takes the client in the body too', async () => {
    const posting = await gameWith({ clientAuthentication: 'post' });
    expect((await posting.signIn()).principal.userId).toBe('player-1');
    expect(system.seenAt('/token').at(-1)?.authorization).toBeUndefined();
    await posting[Symbol.asyncDispose]();
  });

  it('is told of the end of a grant only where that was asked for', async () => {
    const { grant } = await game.signIn();
    await game.tokens.revoke(grant.id);
    const telling = await gameWith({ revokeAccessTokens: { parameter: 'access_token' } });
    const { grant: told, accessToken } = await telling.signIn();
    await telling.tokens.revoke(told.id);
    await system.asked('/revokeAccessToken');
    expect(system.seenAt('/revokeAccessToken').map(({ method, query }) => [method, query.get('access_token')])).toEqual(
      [['PUT', accessToken.token]],
    );
    await telling[Symbol.asyncDispose]();
  });
});
