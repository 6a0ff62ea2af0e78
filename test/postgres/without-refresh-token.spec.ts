import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { Browser } from '../oauth2/support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from '../oauth2/support/identity-system.js';
import { wgtwoShape } from '../oauth2/support/shapes.js';
import { GameCluster } from '../support/game/game-cluster.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { ageRows } from '../support/token-service/migrated-database.js';

const TOKEN_PATH = '/oauth2/token';
const ENDED = { status: 401, errorCode: 'reauthentication_required' };

let cluster: PostgresCluster;
let system: IdentitySystem;
let game: GameCluster;

beforeAll(async () => {
  cluster = await startPostgresCluster();
  system = await IdentitySystem.start(wgtwoShape);
  system.tamper = (path, { refresh_token: refreshToken, ...body }) =>
    path === TOKEN_PATH ? body : { ...body, ...(refreshToken !== undefined && { refresh_token: refreshToken }) };
  const client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI };
  const provider = wgtwo({ baseUrl: system.url, ...client, refresh: 'optional' });
  game = await GameCluster.start(
    await cluster.createDatabase(),
    'fastify',
    { identityProviders: [provider] },
    { oauth2: true },
  );
}, 60_000);
afterAll(async () => {
  await game[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
  await cluster.stop();
});

it('is kept in PostgreSQL, and ends with its access token for all processes without a request', async () => {
  const browser = new Browser();
  const [one, other] = game.nodes;
  const { url: start, cookie } = await one.authorization.authorizationUrl();
  browser.keep(REDIRECT_URI, cookie.header);
  const url = await browser.go(start);
  const { grant, accessToken } = await one.authorization.callback(undefined, {
    url,
    cookie: browser.cookies(REDIRECT_URI),
  });
  expect(grant).toMatchObject({ state: 'active', refreshable: false });
  expect((await other.tokens.getAccessToken(grant.id)).token).toBe(accessToken.token);
  expect((await other.tokens.refresh(grant.id)).token).toBe(accessToken.token);

  await ageRows(game.dataSource, (accessToken.expiresAt as Date).getTime() - Date.now() + 1_000);
  const callers = [one, other, one, other].map(async ({ tokens }) => tokens.getAccessToken(grant.id));
  for (const caller of callers) await expect(caller).rejects.toMatchObject(ENDED);
  expect(await other.tokens.listGrants(grant.userId)).toMatchObject([{ state: 'needs_reauth', refreshable: false }]);
  expect(system.seenAt(TOKEN_PATH)).toHaveLength(1);
});
