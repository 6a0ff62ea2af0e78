import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { TokenStore } from 'nestjs-nowgg-auth';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { steppedStore } from '../support/processes/children/stepped-store.js';
import { GameCluster } from '../support/game/game-cluster.js';
import { EMULATED_CLIENT, type SignedIn } from '../support/game/game-with-routes.js';
import { gateOf } from '../support/gate.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';

jest.setTimeout(120_000);

let cluster: PostgresCluster;

beforeAll(async () => {
  cluster = await startPostgresCluster();
});
afterAll(async () => cluster.stop());

describe.each(['express', 'fastify'] as const)('a player who is banned or signed out everywhere, on %s', (platform) => {
  let emulator: NowggEmulator;
  let game: GameCluster;
  let stepped: ReturnType<typeof steppedStore>;
  let reached = gateOf();
  let userId: string;

  beforeEach(async () => {
    emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
    const options = { ...EMULATED_CLIENT, baseUrl: emulator.url };
    const wrap = (store: TokenStore) => {
      stepped = steppedStore(store, () => reached.open());
      return stepped.store;
    };
    game = await GameCluster.start(await cluster.createDatabase(), platform, options, {
      notify: false,
      wrapStores: [(store) => store, wrap],
    });
    ({ userId } = emulator.addPlayer());
    reached = gateOf();
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    await emulator.close();
  });

  const login = (node: 0 | 1) => game.nodes[node].post('login', { code: emulator.issueCode({ userId }) });
  /** A sign-in at the second node whose token is verified and that has no grant yet. */
  const loginUnderWay = async () => {
    stepped.pauseAt('verified');
    const answer = login(1);
    await reached.opened;
    return {
      finish: async () => {
        stepped.resume();
        return (await answer).status;
      },
    };
  };
  const grantStates = async (): Promise<string[]> => {
    const rows: { state: string }[] = await game.dataSource.query(
      'SELECT state FROM nowgg_grant WHERE user_id = $1 ORDER BY created_at',
      [userId],
    );
    return rows.map(({ state }) => state);
  };
  const banBySql = () =>
    game.dataSource.query(
      `INSERT INTO nowgg_revocation (provider, kind, subject_id, refused_until, changed_at)
       VALUES ('nowgg', 'user', $1, now() + interval '1 hour', clock_timestamp())`,
      [userId],
    );
  const anHourAhead = () => new Date(Date.now() + 3_600_000);

  it.each([
    ['a ban', 403, () => game.nodes[0].revocations.revoke({ userId }, { until: anHourAhead() })],
    ['a ban without an end', 400, () => game.nodes[0].revocations.revoke({ userId })],
    ['a sign-out everywhere', 400, () => game.nodes[0].tokens.revokeUser(userId)],
    ['a ban that was written by SQL', 403, banBySql],
  ] as const)(
    'gets no grant from a sign-in that is under way at another node during %s',
    async (_what, answer, end) => {
      const { finish } = await loginUnderWay();
      await end();
      expect([await finish(), await grantStates()]).toEqual([answer, ['revoked']]);
    },
  );

  it('gets no grant by bringing the same code again', async () => {
    const code = emulator.issueCode({ userId });
    const { session } = (await (await game.nodes[1].post('login', { code })).json()) as SignedIn;
    await banBySql();
    expect((await game.nodes[1].post('login', { code })).status).toBe(403);
    expect(await grantStates()).toEqual(['revoked']);
    expect([401, 403]).toContain((await game.nodes[0].post('refresh', { session })).status);
  });

  it.each([
    ['of their grants', () => game.nodes[0].tokens.revokeUser(userId)],
    ['of everything that was issued', () => game.nodes[0].revocations.revoke({ userId })],
  ])('may sign in again right after a mere sign-out %s, and plays with that grant', async (_what, signOut) => {
    const before = (await (await login(0)).json()) as SignedIn;
    await signOut();
    const answer = await login(1);
    const { session, token } = (await answer.json()) as SignedIn;
    expect([answer.status, (await grantStates()).at(-1)]).toEqual([200, 'active']);
    for (const node of game.nodes) expect(await node.status(token)).toBe(200);
    expect((await game.nodes[0].post('refresh', { session })).status).toBe(200);
    await Promise.all(game.nodes.map((node) => node.untilRefused(before.token)));
    for (const node of game.nodes) expect(await node.status(token)).toBe(200);
  });

  it('gets no token by a session or grant while a ban that was written by SQL is known here', async () => {
    const { session } = (await (await login(0)).json()) as SignedIn;
    const { id } = await game.nodes[0].tokens.sessionGrant(session);
    await banBySql();
    while ((await game.nodes[0].post('refresh', { session })).status !== 403);
    const { tokens } = game.nodes[0];
    const ended = { errorCode: 'reauthentication_required' };
    await expect(tokens.getAccessToken(id)).rejects.toMatchObject(ended);
    await expect(tokens.refresh(id)).rejects.toMatchObject(ended);
    expect((await game.nodes[0].post('logout', { session })).status).toBe(204);
    expect(await grantStates()).toEqual(['revoked']);
  });

  it('stays signed out when the ban is lifted, and may sign in anew', async () => {
    const { session } = (await (await login(0)).json()) as SignedIn;
    const { finish } = await loginUnderWay();
    const [{ revocations }] = game.nodes;
    await revocations.revoke({ userId }, { until: anHourAhead() });
    await revocations.restore({ userId });
    expect(await finish()).toBe(400);
    expect((await game.nodes[0].post('refresh', { session })).status).toBe(401);
    expect([(await login(0)).status, await grantStates()]).toEqual([200, ['revoked', 'revoked', 'active']]);
  });
});
