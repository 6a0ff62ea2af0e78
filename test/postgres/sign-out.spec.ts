import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startNowggEmulator } from 'nowgg-emulator';
import { Browser } from '../oauth2/support/browser.js';
import { IdentitySystem, REDIRECT_URI } from '../oauth2/support/identity-system.js';
import { WEB_VERIFICATIONS, webProvider, type WebVerification } from '../oauth2/support/providers.js';
import { authgearShape } from '../oauth2/support/shapes.js';
import { type ClusterNode, GameCluster, type Platform } from '../support/game/game-cluster.js';
import { EMULATED_CLIENT, type SignedIn } from '../support/game/game-with-routes.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';

jest.setTimeout(120_000);

let cluster: PostgresCluster;
let game: GameCluster;
let closeSystem: () => Promise<unknown>;

beforeAll(async () => {
  cluster = await startPostgresCluster();
});
afterAll(async () => cluster.stop());
afterEach(async () => {
  await game[Symbol.asyncDispose]();
  await closeSystem();
});

/** A standard system that cannot be told that a grant is over: what ends its tokens here is this module alone. */
async function startWebGame(method: string, platform: Platform): Promise<() => Promise<SignedIn>> {
  const verification = WEB_VERIFICATIONS[method] as WebVerification;
  const system = await IdentitySystem.start({
    ...authgearShape(verification.format),
    shim: async (request, response) => {
      if (request.url !== '/oauth2/revoke') return false;
      response.writeHead(200).end();
      return true;
    },
  });
  closeSystem = async () => system[Symbol.asyncDispose]();
  const provider = webProvider(system, verification);
  const url = await cluster.createDatabase();
  game = await GameCluster.start(url, platform, { identityProviders: [provider] }, { oauth2: true });
  const { authorization } = game.nodes[0];
  return async () => {
    const browser = new Browser();
    const { url: start, cookie } = await authorization.authorizationUrl();
    browser.keep(REDIRECT_URI, cookie.header);
    const callback = await browser.go(start);
    const signIn = await authorization.callback(undefined, { url: callback, cookie: browser.cookies(REDIRECT_URI) });
    const { token, generation } = signIn.accessToken;
    return { token, generation, session: signIn.session, user: signIn.principal };
  };
}

async function startNowggGame(platform: Platform): Promise<() => Promise<SignedIn>> {
  const emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
  closeSystem = () => emulator.close();
  const url = await cluster.createDatabase();
  game = await GameCluster.start(url, platform, { ...EMULATED_CLIENT, baseUrl: emulator.url });
  return async () => {
    const { userId } = emulator.addPlayer();
    const response = await game.nodes[0].post('login', { code: emulator.issueCode({ userId }) });
    return (await response.json()) as SignedIn;
  };
}

/** The tokens of the first three generations, each of which both nodes have let in and remember. */
async function threeGenerations({ token, session }: SignedIn): Promise<string[]> {
  const tokens = [token];
  for (const generation of [1, 2]) {
    const response = await (game.nodes[generation % 2] as ClusterNode).post('refresh', { session, generation });
    tokens.push(((await response.json()) as SignedIn).token);
  }
  for (const node of game.nodes) expect(await statuses(node, tokens)).toEqual([200, 200, 200]);
  return tokens;
}

const statuses = (node: ClusterNode, tokens: readonly string[]) =>
  Promise.all(tokens.map((token) => node.status(token)));

describe.each(['express', 'fastify'] as const)('signing out on %s', (platform) => {
  it.each(['now.gg', ...Object.keys(WEB_VERIFICATIONS)])(
    'ends the tokens of every generation at both nodes, with %s',
    async (method) => {
      const signIn = await (method === 'now.gg' ? startNowggGame(platform) : startWebGame(method, platform));
      const [player, other] = [await signIn(), await signIn()];
      const tokens = await threeGenerations(player);
      const [a, b] = game.nodes;
      expect((await a.post('logout', { session: player.session })).status).toBe(204);
      expect(await statuses(a, tokens)).toEqual([401, 401, 401]);
      for (const token of tokens) await b.untilRefused(token);
      expect([await a.status(other.token), await b.status(other.token)]).toEqual([200, 200]);
    },
  );
});
