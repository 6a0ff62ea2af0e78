import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { TokenStore } from 'nestjs-nowgg-auth';
import { wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { Browser } from '../oauth2/support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from '../oauth2/support/identity-system.js';
import { wgtwoShape } from '../oauth2/support/shapes.js';
import { GameCluster } from '../support/game/game-cluster.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';

jest.setTimeout(120_000);

describe('@RequireScopes on opaque tokens that a grant handed out', () => {
  let cluster: PostgresCluster;
  let system: IdentitySystem;
  let game: GameCluster;
  /** The second node's reads of issued tokens: how many, and whether they fail. */
  let reads: { count: number; fail: boolean };

  beforeAll(async () => {
    cluster = await startPostgresCluster();
  });
  afterAll(async () => cluster.stop());

  beforeEach(async () => {
    system = await IdentitySystem.start(wgtwoShape);
    reads = { count: 0, fail: false };
    const client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI };
    game = await GameCluster.start(
      await cluster.createDatabase(),
      'fastify',
      { identityProviders: [wgtwo({ baseUrl: system.url, ...client, acceptCodesAtLogin: true })] },
      { oauth2: true, wrapStores: [(store) => store, (store) => withReads(store, reads)] },
    );
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  const signIn = async (scopes?: readonly string[], browser = new Browser()) => {
    const { authorization } = game.nodes[0];
    const { url: start, cookie } = await authorization.authorizationUrl(undefined, scopes && { scopes });
    browser.keep(REDIRECT_URI, cookie.header);
    const callback = await browser.go(start);
    return authorization.callback(undefined, { url: callback, cookie: browser.cookies(REDIRECT_URI) });
  };
  /** Replaces the scopes that replies of the token endpoint state. */
  const statesScope = (scope: string | undefined) => {
    system.tamper = (path, body) => {
      if (path !== '/oauth2/token') return body;
      const { scope: _stated, ...rest } = body;
      return scope === undefined ? rest : { ...rest, scope };
    };
  };
  const statuses = async (token: string) =>
    Promise.all(game.nodes.flatMap((node) => [node.status(token, 'phone'), node.status(token)]));

  it('admits a player in every process, after a refresh too, with one read for each verdict', async () => {
    const { grant, accessToken, principal } = await signIn();
    expect(grant.scopes).toEqual(['openid', 'phone']);
    expect(principal.scopes).toEqual(grant.scopes);
    expect(await statuses(accessToken.token)).toEqual([200, 200, 200, 200]);
    const before = reads.count;
    for (let hit = 0; hit < 10; hit += 1) await game.nodes[1].status(accessToken.token, 'phone');
    expect(reads.count).toBe(before);
    const refreshed = await game.nodes[1].tokens.refresh(grant.id);
    expect(await statuses(refreshed.token)).toEqual([200, 200, 200, 200]);
  });

  it('refuses a player who was granted less, by request or by the reply', async () => {
    const asked = await signIn(['openid', 'offline_access']);
    expect(await statuses(asked.accessToken.token)).toEqual([403, 200, 403, 200]);
    statesScope('openid offline_access');
    const granted = await signIn();
    expect(granted.grant.scopes).toEqual(['openid', 'offline_access']);
    expect(await statuses(granted.accessToken.token)).toEqual([403, 200, 403, 200]);
  });

  it('takes a silent reply as requested, and a refresh that grants less from its token on', async () => {
    statesScope(undefined);
    const { grant, accessToken } = await signIn();
    expect(grant.scopes).toEqual(['openid', 'phone', 'offline_access']);
    statesScope('openid offline_access');
    const narrowed = await game.nodes[0].tokens.refresh(grant.id);
    expect(await statuses(narrowed.token)).toEqual([403, 200, 403, 200]);
    expect(await statuses(accessToken.token)).toEqual([200, 200, 200, 200]);
    expect((await game.nodes[1].tokens.listGrants(grant.userId))[0]?.scopes).toEqual(['openid', 'offline_access']);
  });

  it('refuses a token that no grant here handed out', async () => {
    const { accessToken } = await signIn();
    await game.dataSource.query('DELETE FROM nowgg_issued_token');
    expect(await game.nodes[1].status(accessToken.token, 'phone')).toBe(403);
  });

  it('is 503, never 403, while the database is away, and 200 once it is back; other routes are served', async () => {
    const { accessToken } = await signIn();
    reads.fail = true;
    const answer = await game.nodes[1].ask(accessToken.token, 'phone');
    expect([answer.status, await answer.json()]).toMatchObject([503, { errorCode: 'store_unavailable' }]);
    expect(await game.nodes[1].status(accessToken.token)).toBe(200);
    reads.fail = false;
    let status = 503;
    while (status === 503) status = await game.nodes[1].status(accessToken.token, 'phone');
    expect(status).toBe(200);
  });
});

/** The store, with reads of issued tokens that are counted and can fail. */
function withReads(store: TokenStore, reads: { count: number; fail: boolean }): TokenStore {
  const find = store.findIssuedTokens.bind(store);
  store.findIssuedTokens = async (...given) => {
    reads.count += 1;
    if (reads.fail) throw new Error('the database is away');
    return find(...given);
  };
  return store;
}
