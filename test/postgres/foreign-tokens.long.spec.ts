import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { NOWGG_SECURITY_CHANNEL, type NowggSecurityEvent } from 'nestjs-nowgg-auth';
import { Browser } from '../oauth2/support/browser.js';
import { IdentitySystem, REDIRECT_URI } from '../oauth2/support/identity-system.js';
import { WEB_VERIFICATIONS, webProvider } from '../oauth2/support/providers.js';
import { authgearShape } from '../oauth2/support/shapes.js';
import { GameCluster } from '../support/game/game-cluster.js';
import type { SignedIn } from '../support/game/game-with-routes.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { ageRows } from '../support/token-service/migrated-database.js';

jest.setTimeout(120_000);

let cluster: PostgresCluster;

beforeAll(async () => {
  cluster = await startPostgresCluster();
});
afterAll(async () => cluster.stop());

describe.each(['express', 'fastify'] as const)("a refresh that brings another user's token, on %s", (platform) => {
  describe.each(Object.entries(WEB_VERIFICATIONS))('with %s', (_name, verification) => {
    const { format } = verification;
    let system: IdentitySystem;
    let game: GameCluster;
    const events: NowggSecurityEvent[] = [];
    const onEvent = (event: unknown) => events.push(event as NowggSecurityEvent);
    const reported = () => events.filter(({ type }) => type === 'foreign_tokens_refreshed');

    beforeEach(async () => {
      system = await IdentitySystem.start(authgearShape(format));
      const provider = webProvider(system, verification);
      const url = await cluster.createDatabase();
      game = await GameCluster.start(url, platform, { identityProviders: [provider] }, { oauth2: true });
      events.length = 0;
      subscribe(NOWGG_SECURITY_CHANNEL, onEvent);
    });
    afterEach(async () => {
      unsubscribe(NOWGG_SECURITY_CHANNEL, onEvent);
      await game[Symbol.asyncDispose]();
      await system[Symbol.asyncDispose]();
    });

    const signIn = async (player: string): Promise<SignedIn & { grantId: string }> => {
      const { authorization } = game.nodes[0];
      const browser = new Browser();
      browser.keep(system.url, `player=${player}`);
      const { url: start, cookie } = await authorization.authorizationUrl();
      browser.keep(REDIRECT_URI, cookie.header);
      const callback = await browser.go(start);
      const cookies = browser.cookies(REDIRECT_URI);
      const { session, principal, accessToken, grant } = await authorization.callback(undefined, {
        url: callback,
        cookie: cookies,
      });
      const { token, generation } = accessToken;
      return { token, generation, session, user: principal, grantId: grant.id };
    };
    const answerRefreshesWith = (token: string | undefined) => {
      system.tamper = (path, body) =>
        path === '/oauth2/token' && token !== undefined ? { ...body, access_token: token } : body;
    };
    const refresh = (session: string, generation: number) => game.nodes[0].post('refresh', { session, generation });

    it('neither hands it out nor loses the grant, when the token is known to be the other user’s', async () => {
      const victim = await signIn('victim');
      const player = await signIn('player-1');
      answerRefreshesWith(victim.token);
      const refused = await refresh(player.session, 1);
      expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([503, true]);
      for (const { tokens } of game.nodes) {
        const unavailable = { errorCode: 'identity_unavailable' };
        await expect(tokens.getAccessToken(player.grantId)).rejects.toMatchObject(unavailable);
      }
      const [grant] = await game.nodes[0].tokens.listGrants('player-1');
      expect(grant).toMatchObject({ state: 'suspect', generation: 2 });
      expect(reported()).toEqual([{ type: 'foreign_tokens_refreshed', provider: 'web' }]);
      answerRefreshesWith(undefined);
      await ageRows(game.dataSource, 61_000);
      const { token } = await game.nodes[1].tokens.getAccessToken(player.grantId);
      expect(await game.nodes[1].status(token)).toBe(200);
      expect(await game.nodes[0].status(victim.token)).toBe(200);
    });

    it('does not let it in as the other user, when the token is new', async () => {
      const player = await signIn('player-1');
      let stolen: string | undefined;
      await signIn('victim');
      const [victim] = await game.nodes[0].tokens.listGrants('victim');
      system.tamper = (path, body) => {
        if (path === '/oauth2/token') stolen ??= String(body.access_token);
        return body;
      };
      await game.nodes[0].tokens.refresh(victim?.id ?? '');
      // As if it had been issued to another application of the same client.
      await game.dataSource.query('DELETE FROM nowgg_issued_token WHERE grant_id = $1', [victim?.id]);
      answerRefreshesWith(stolen);
      const answer = await refresh(player.session, 1);
      const { token } = (await answer.json()) as SignedIn;
      const status = answer.status === 200 ? await game.nodes[1].status(token) : answer.status;
      // A JWS names its user, so it is not handed out at all.
      expect(status).toBe(format === 'jwt' ? 503 : 401);
      const [grant] = await game.nodes[0].tokens.listGrants('player-1');
      expect([grant?.state, reported()]).toEqual(['suspect', [{ type: 'foreign_tokens_refreshed', provider: 'web' }]]);
      const unavailable = { errorCode: 'identity_unavailable' };
      await expect(game.nodes[0].tokens.getAccessToken(player.grantId)).rejects.toMatchObject(unavailable);
    });
  });
});
