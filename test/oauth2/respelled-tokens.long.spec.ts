import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { authgear, jwt, oauth2 } from 'nestjs-nowgg-auth/oauth2';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { respelledSignaturesOf } from './support/respellings.js';
import { authgearShape } from './support/shapes.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

const client = {
  clientId: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
  redirectUri: REDIRECT_URI,
  scopes: ['openid', 'offline_access', 'read'],
};
const METHODS = {
  'jwt() alone': (url: string) =>
    oauth2({
      ...client,
      name: 'web',
      issuer: url,
      clientAuthentication: 'post',
      verification: jwt({ audience: url }),
    }),
  'the authgear preset': (url: string) => authgear({ ...client, endpoint: url }),
} as const;
const CASES = (['express', 'fastify'] as const).flatMap((platform) =>
  Object.entries(METHODS).map(([name, method]) => ({ platform, name, method })),
);

describe.each(CASES)('a JWT of an OpenID provider, with $name on $platform', ({ platform, method }) => {
  let system: IdentitySystem;
  let game: WebGame;

  beforeEach(async () => {
    system = await IdentitySystem.start(authgearShape('jwt'));
    game = await WebGame.start([method(system.url)], { routes: true }, platform);
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  /** Each spelling that Node's parser lets through, with the status that it gets. */
  async function statusesOf(token: string): Promise<readonly (readonly [string, number])[]> {
    // A line break ends the field, and white space at its end does not belong to the value: that would be the token itself.
    const sent = respelledSignaturesOf(token).filter((respelled) => !/\n|\t$/.test(respelled.token));
    return Promise.all(
      sent.map(async ({ how, token: text }) => [how, (await game.fetch('/guarded', text)).status] as const),
    );
  }
  it('is refused in every other spelling while it is good', async () => {
    const { token } = (await game.signIn()).accessToken;
    expect((await game.fetch('/guarded', token)).status).toBe(200);
    // 400 is the HTTP parser's own answer, to a form feed.
    expect((await statusesOf(token)).filter(([, status]) => status !== 401 && status !== 400)).toEqual([]);
    expect((await game.fetch('/guarded', token)).status).toBe(200);
  });

  it('is 401 invalid_token with a tab inside', async () => {
    const { token } = (await game.signIn()).accessToken;
    const reply = await game.fetch('/guarded', `${token.slice(0, -20)}\t${token.slice(-20)}`);
    expect(reply.status).toBe(401);
    expect(reply.header('www-authenticate')).toContain('error="invalid_token"');
  });

  it('stays refused in every spelling after it was revoked', async () => {
    const { token } = (await game.signIn()).accessToken;
    expect((await game.fetch('/guarded', token)).status).toBe(200);
    await game.revocation.revoke({ token });
    expect((await game.fetch('/guarded', token)).status).toBe(401);
    expect((await statusesOf(token)).filter(([, status]) => status === 200)).toEqual([]);
  });

  it('stays refused in every spelling after sign-out', async () => {
    const { accessToken, session } = await game.signIn();
    const { token } = accessToken;
    expect((await game.fetch('/guarded', token)).status).toBe(200);
    expect((await game.post('/auth/logout', { session })).status).toBe(204);
    expect((await game.fetch('/guarded', token)).status).toBe(401);
    expect((await statusesOf(token)).filter(([, status]) => status === 200)).toEqual([]);
  });
});
