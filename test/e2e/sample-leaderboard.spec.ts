import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Client, createClient } from 'graphql-ws';
import { NowggRevocationService } from 'nestjs-nowgg-auth';
import { DataSource } from 'typeorm';
import { WebSocket } from 'ws';
import type { EmbeddedServices } from '../../apps/sample/src/embedded/embedded-services.js';
import { until } from '../redis/support.js';
import { type RunningSample, startSample, startSampleServices } from '../support/sample/sample-app.js';

let services: EmbeddedServices;
beforeAll(async () => {
  services = await startSampleServices();
}, 240_000);
afterAll(async () => services.close());

interface Row {
  readonly rank: number;
  readonly displayName: string | null;
  readonly points: number;
  readonly mine: boolean;
}

describe.each(['express', 'fastify'] as const)('the leaderboard of the sample on %s', (platform) => {
  let sample: RunningSample;
  let boards = 0;
  const clients: Client[] = [];
  beforeAll(async () => {
    sample = await startSample(services, platform);
  }, 60_000);
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.dispose();
  });
  afterAll(async () => sample.close());

  const newBoard = () => `board-${platform}-${(boards += 1)}`;
  const score = async (token: string, board: string, points: number) =>
    expect((await sample.call('POST', '/scores', { token, body: { board, points } })).status).toBe(201);
  const ask = async (query: string, token?: string) =>
    sample.call('POST', '/graphql', { body: { query }, ...(token !== undefined && { token }) });
  const fields = 'rank displayName points mine';

  /** Watches a board, and notes what it is told. */
  const watch = (board: string, token?: string) => {
    const told: { rows: Row[][]; errors: unknown; end: { code: number; reason: string } | undefined } = {
      rows: [],
      errors: undefined,
      end: undefined,
    };
    const client = createClient({
      url: `${sample.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      ...(token !== undefined && { connectionParams: { authorization: `Bearer ${token}` } }),
      on: { closed: (event) => (told.end = event as { code: number; reason: string }) },
    });
    clients.push(client);
    const stop = client.subscribe<{ leaderboardChanged: Row[] }>(
      { query: `subscription { leaderboardChanged(board: "${board}") { ${fields} } }` },
      {
        next: ({ data, errors }) => {
          if (errors) told.errors = errors;
          if (data) told.rows.push(data.leaderboardChanged);
        },
        error: (errors) => (told.errors = errors),
        complete: () => undefined,
      },
    );
    return { told, stop };
  };

  it('is read by every caller, who finds their own rows marked', async () => {
    const board = newBoard();
    const [ada, bob] = [await sample.signIn({ name: 'Ada' }), await sample.signIn({ name: 'Bob' })];
    await score(ada.token, board, 10);
    await score(bob.token, board, 20);
    const query = `{ leaderboard(board: "${board}") { ${fields} } }`;
    const rows = (mine: string | undefined) => [
      { rank: 1, displayName: 'Bob', points: 20, mine: mine === 'Bob' },
      { rank: 2, displayName: 'Ada', points: 10, mine: mine === 'Ada' },
    ];
    expect((await ask(query)).body).toEqual({ data: { leaderboard: rows(undefined) } });
    expect((await ask(query, ada.token)).body).toEqual({ data: { leaderboard: rows('Ada') } });
    const refused = (await ask(query, 'made-up')).body;
    expect(refused.errors[0].extensions).toMatchObject({ code: 'UNAUTHENTICATED', errorCode: 'invalid_token' });
  });

  it('tells players who watch it of each change, and those of other boards of none', async () => {
    const [board, other] = [newBoard(), newBoard()];
    const [ada, bob] = [await sample.signIn({ name: 'Ada' }), await sample.signIn({ name: 'Bob' })];
    const [watching, elsewhere] = [watch(board, ada.token), watch(other, bob.token)];
    await until(() => watching.told.rows.length === 1 && elsewhere.told.rows.length === 1);
    expect(watching.told.rows).toEqual([[]]);
    await score(bob.token, board, 5);
    await until(() => watching.told.rows.length === 2);
    await score(ada.token, board, 7);
    await until(() => watching.told.rows.length === 3);
    expect(watching.told.rows.at(-1)).toEqual([
      { rank: 1, displayName: 'Ada', points: 7, mine: true },
      { rank: 2, displayName: 'Bob', points: 5, mine: false },
    ]);
    expect(elsewhere.told.rows).toHaveLength(1);
  });

  it('reads a board once for many scores and many who watch', async () => {
    const board = newBoard();
    const { token } = await sample.signIn({ name: 'Ada' });
    const watching = Array.from({ length: 10 }, () => watch(board, token).told);
    await until(() => watching.every(({ rows }) => rows.length === 1));
    await Promise.all(Array.from({ length: 20 }, async (_, points) => score(token, board, points)));
    await until(() => watching.every(({ rows }) => rows.at(-1)?.[0]?.points === 19));
    // As many as the time between the first score and the last one has pauses, and not one for each score.
    expect(watching[0]?.rows.length).toBeLessThan(20);
  });

  it('is told to no caller without a good token, and no longer to a banned player', async () => {
    const board = newBoard();
    const [none, bad] = [watch(board), watch(board, 'made-up')];
    await until(() => none.told.end !== undefined && bad.told.end !== undefined);
    expect([none.told.end, bad.told.end]).toMatchObject([
      { code: 4401, reason: 'missing_token' },
      { code: 4401, reason: 'invalid_token' },
    ]);
    const { token, user } = await sample.signIn({ name: 'Cheater' });
    const watching = watch(board, token);
    await until(() => watching.told.rows.length === 1);
    const target = { provider: 'nowgg', userId: user.userId };
    await sample.app.get(NowggRevocationService).revoke(target, { until: new Date('2099-01-01') });
    await until(() => watching.told.end !== undefined);
    expect(watching.told.end).toMatchObject({ code: 4401, reason: 'user_banned' });
    expect([none.told.rows, bad.told.rows]).toEqual([[], []]);
  });

  it('lets go of those who stop watching, at once', async () => {
    const board = newBoard();
    const { token } = await sample.signIn({ name: 'Ada' });
    const first = watch(board, token);
    await until(() => first.told.rows.length === 1);
    first.stop();
    const second = watch(board, token);
    await until(() => second.told.rows.length === 1);
    await score(token, board, 1);
    await until(() => second.told.rows.length === 2);
    expect(first.told.rows).toHaveLength(1);
  });

  it.each(['../etc', 'ERROR', 'x'.repeat(33), ''])('knows no board %j', async (board) => {
    const { body } = await ask(`{ leaderboard(board: ${JSON.stringify(board)}) { points } }`);
    expect(body.errors[0].extensions).toEqual({ code: 'BAD_REQUEST', errorCode: 'invalid_request', status: 400 });
  });

  it('knows a board with the name "error"', async () => {
    const { token } = await sample.signIn({ name: 'Ada' });
    const [watching, other] = [watch('error', token), watch(newBoard(), token)];
    await until(() => watching.told.rows.length === 1 && other.told.rows.length === 1);
    await score(token, 'error', 1);
    await until(() => watching.told.rows.length === 2);
    expect([watching.told.errors, other.told.errors]).toEqual([undefined, undefined]);
  });

  it('refuses a query that asks again and again, or that cannot be read, over both, and logs neither', async () => {
    const many = Array.from({ length: 50 }, (_, at) => `a${at}: leaderboard(board: "b${at}") { points }`).join(' ');
    const { body, status } = await ask(`{ ${many} }`);
    expect({ status, data: body.data }).toEqual({ status: 400, data: undefined });
    // Where graphql-ws reports what it cannot parse.
    const reported = jest.spyOn(console, 'error').mockReturnValue();
    const { token } = await sample.signIn({ name: 'Ada' });
    const client = createClient({
      url: `${sample.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      lazy: false,
      connectionParams: { authorization: `Bearer ${token}` },
    });
    clients.push(client);
    const answersTo = async (query: string) => {
      const all: unknown[] = [];
      for await (const answer of client.iterate({ query })) all.push(answer);
      return all;
    };
    const closed = jest.fn();
    client.on('closed', closed);
    for (const query of [`{ ${many} }`, '{ leaderboard(', '', '\u0000']) {
      await expect(answersTo(query)).rejects.toMatchObject([{ message: expect.stringMatching(/^Syntax Error/) }]);
    }
    // The connection of the others' subscriptions stays.
    expect(await answersTo('{ leaderboard(board: "none") { points } }')).toEqual([{ data: { leaderboard: [] } }]);
    expect([closed.mock.calls, reported.mock.calls]).toEqual([[], []]);
    reported.mockRestore();
  });

  it('says nothing of the database when it fails, and goes on after that', async () => {
    const board = newBoard();
    const { token } = await sample.signIn({ name: 'Ada' });
    const watching = watch(board, token);
    await until(() => watching.told.rows.length === 1);
    const database = sample.app.get(DataSource);
    await database.query('ALTER TABLE scores RENAME TO scores_elsewhere');
    const { body } = await ask(`{ leaderboard(board: "${board}") { points } }`);
    await database.query('ALTER TABLE scores_elsewhere RENAME TO scores');
    expect(body.errors[0]).toMatchObject({
      message: 'internal server error',
      extensions: { code: 'INTERNAL_SERVER_ERROR', errorCode: 'internal_server_error', status: 500 },
    });
    expect(JSON.stringify(body)).not.toMatch(/scores|SELECT|stack/i);
    await score(token, board, 3);
    await until(() => watching.told.rows.length === 2);
  });
});
