import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { configure } from 'nowgg-auth-client';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { type ClusterNode, GameCluster } from '../support/game/game-cluster.js';
import { EMULATED_CLIENT, type SignedIn } from '../support/game/game-with-routes.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { typeOrmRevocationStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { until } from '../client/support/facts.js';
import { strongKey } from '../../libs/nowgg-auth/src/testing-support/strong-key.js';

describe('one device at a time, in two processes', () => {
  let cluster: PostgresCluster;
  let emulator: NowggEmulator;
  let game: GameCluster;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
    const tokens = { encryptionKeys: [{ id: 'k1', key: strongKey(1) }], sessions: { max: 1 } };
    const options = { ...EMULATED_CLIENT, baseUrl: emulator.url, tokens };
    game = await GameCluster.start(await cluster.createDatabase(), 'express', options);
  }, 120_000);
  afterAll(async () => {
    await game[Symbol.asyncDispose]();
    await emulator.close();
    await cluster.stop();
  });

  const signIn = async (node: ClusterNode, userId: string): Promise<SignedIn> => {
    const response = await node.post('login', { code: emulator.issueCode({ userId }) });
    expect(response.status).toBe(200);
    return (await response.json()) as SignedIn;
  };
  const codeOf = async (response: Response) => ((await response.json()) as { errorCode: string }).errorCode;

  it('the token before is refused everywhere with its reason, the handle too, and the new ones are good', async () => {
    const [one, other] = game.nodes;
    const { userId } = emulator.addPlayer();
    const first = await signIn(one, userId);
    expect([await one.status(first.token), await other.status(first.token)]).toEqual([200, 200]);
    const second = await signIn(other, userId);
    await one.untilRefused(first.token);
    for (const { url } of game.nodes) {
      const refused = await fetch(`${url}/game`, { headers: { authorization: `Bearer ${first.token}` } });
      expect([refused.status, await codeOf(refused)]).toEqual([401, 'signed_in_elsewhere']);
      expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
    }
    for (const node of game.nodes) {
      const refresh = await node.post('refresh', { session: first.session });
      expect([refresh.status, await codeOf(refresh)]).toEqual([401, 'signed_in_elsewhere']);
      expect((await node.post('refresh', { session: second.session })).status).toBe(200);
      expect(await node.status(second.token)).toBe(200);
    }
    expect((await one.post('logout', { session: first.session })).status).toBe(204);
    expect(await other.status(second.token)).toBe(200);
  });

  it('the session client ends with the reason, and does not sign in again', async () => {
    const { userId } = emulator.addPlayer();
    const changes: unknown[] = [];
    const first = configure({
      baseUrl: game.nodes[0].url,
      onSessionStateChange: (state, reason, details) => void changes.push([state, reason, details?.errorCode]),
    });
    await first.login(emulator.issueCode({ userId }));
    const codes = emulator.requestCount({ endpoint: 'token' });
    const second = configure({ baseUrl: game.nodes[1].url });
    await second.login(emulator.issueCode({ userId }));
    await game.nodes[0].untilRefused(first.accessToken ?? '');
    await expect(first.fetchPrincipal()).rejects.toMatchObject({ details: { errorCode: 'signed_in_elsewhere' } });
    await until(() => changes.length >= 2);
    expect(changes.at(-1)).toEqual(['NO_SESSION', 'ENDED', 'signed_in_elsewhere']);
    expect(emulator.requestCount({ endpoint: 'token' }) - codes).toBe(1);
    expect(await second.fetchPrincipal()).toMatchObject({ userId });
    for (const client of [first, second]) client.close();
  });

  it('a process that starts later reads the reason with the mark, and a ban of the session hides it', async () => {
    const { userId } = emulator.addPlayer();
    const first = await signIn(game.nodes[0], userId);
    await signIn(game.nodes[0], userId);
    await game.nodes[1].untilRefused(first.token);
    const store = typeOrmRevocationStore().create({ clock: new SystemClock() }, game.dataSource);
    const load = async () => {
      const marks = [];
      for (let cursor: string | undefined; ; ) {
        const page = await store.changesSince(cursor);
        marks.push(...page.watermarks);
        if (!page.isPartial) return marks;
        ({ cursor } = page);
      }
    };
    const ofElsewhere = async () => (await load()).filter(({ cause }) => cause === 'signed_in_elsewhere');
    const [mark] = await ofElsewhere();
    const before = (await ofElsewhere()).length;
    await store.put({ ...mark!, issuedUntilMs: undefined, refusedUntilMs: Date.now() + 60_000, cause: undefined });
    expect((await ofElsewhere()).length).toBe(before - 1);
    expect(await store.find(mark!)).not.toHaveProperty('cause');
    await store.restore(mark!);
    expect((await ofElsewhere()).length).toBe(before - 1);
  });
});
