import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type INestApplication, Logger } from '@nestjs/common';
import { type CredentialRequest, NowggRevocationService } from 'nestjs-nowgg-auth';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { CALLERS, type Caller, DoorPlayers } from './door-players.js';

// Jest cannot load this part of Mercurius before Node 24.9. It serves a page for developers, which is off here.
jest.mock('@fastify/static', () => () => undefined);
const { drivers, leaderboard, startGraphqlGame } = await import('./graphql-game.js');

interface GraphqlError {
  readonly message: string;
  readonly extensions: Record<string, unknown>;
}
interface Answer {
  readonly status: number;
  readonly data: Record<string, unknown> | null;
  readonly errors?: readonly GraphqlError[];
}

const callers = Object.keys(CALLERS) as Caller[];

describe.each(drivers)('GraphQL with %s', (driver) => {
  let players: DoorPlayers;
  let app: INestApplication;
  let logged: jest.SpiedFunction<Logger['error']>;
  beforeAll(async () => {
    players = await DoorPlayers.start();
    app = await startGraphqlGame(driver, players);
  });
  beforeEach(() => {
    logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
  });
  afterEach(() => void jest.restoreAllMocks());
  afterAll(async () => {
    await app?.close();
    await players[Symbol.asyncDispose]();
  });

  const url = async () => `${await app.getUrl()}/graphql`;
  const ask = async (query: string, authorization?: string, path = ''): Promise<Answer> => {
    const headers = { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) };
    const reply = await fetch((await url()) + path, { method: 'POST', headers, body: JSON.stringify({ query }) });
    return { status: reply.status, ...((await reply.json()) as Omit<Answer, 'status'>) };
  };
  const codesOf = ({ errors = [] }: Answer) => errors.map(({ extensions }) => extensions.errorCode);

  it.each(callers)('decides about an operation: %s', async (caller) => {
    const authorization = await players.authorization(caller, app);
    const answer = await ask('{ me { userId name } }', authorization);
    const extensions = { code: 'UNAUTHENTICATED', errorCode: CALLERS[caller], status: 401 };
    const refusal = { status: 200, data: null, errors: [expect.objectContaining({ extensions, path: ['me'] })] };
    const admission = { status: 200, data: { me: { userId: 'player-1', name: 'name of player-1' } } };
    expect(answer).toEqual(CALLERS[caller] === undefined ? admission : refusal);
    expect(logged).not.toHaveBeenCalled();
  });

  it('tells a banned player the reason and the end in the answer', async () => {
    players.advance(10_000);
    const authorization = `Bearer ${players.token('banned')}`;
    const [until, reason] = [new Date(players.clock.now() + 60_000), { code: 'cheating', text: 'Aim help' }];
    await app.get(NowggRevocationService).revoke({ userId: 'banned' }, { until, reason });
    const told = { errorCode: 'user_banned', reasonCode: 'cheating', text: 'Aim help', until: until.toISOString() };
    const { errors } = await ask('{ me { userId } }', authorization);
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', status: 403, ...told } }]);
    await app.get(NowggRevocationService).restore({ userId: 'banned' });
  });

  it('opens what is public or optional, and names a missing scope', async () => {
    const good = `Bearer ${players.token()}`;
    expect((await ask('{ open optional }')).data).toEqual({ open: 'open', optional: 'anonymous' });
    expect((await ask('{ open optional }', good)).data).toEqual({ open: 'open', optional: 'player-1' });
    expect(codesOf(await ask('{ optional }', 'Bearer not-a-token'))).toEqual(['invalid_token']);
    expect((await ask('{ scoped }', good)).errors).toMatchObject([
      { extensions: { code: 'FORBIDDEN', errorCode: 'insufficient_scope', status: 403 } },
    ]);
    const [errorCode, maxAgeSeconds] = ['insufficient_user_authentication', 1];
    expect((await ask('{ recent }', good)).errors).toMatchObject([
      { extensions: { code: 'UNAUTHENTICATED', errorCode, status: 401, maxAgeSeconds } },
    ]);
  });

  it('refuses two credentials, and decides each field by its own policy', async () => {
    const good = `Bearer ${players.token()}`;
    expect(codesOf(await ask('{ me { userId } }', good, '?access_token=other'))).toEqual(['invalid_request']);
    const answer = await ask('{ me { userId secret } }', good);
    expect(codesOf(answer)).toEqual(['insufficient_scope']);
    expect(await ask('{ open me { userId } scoped }', good)).toMatchObject({
      errors: [{ path: ['scoped'], extensions: { errorCode: 'insufficient_scope' } }],
    });
  });

  it('answers with a 503 while now.gg is silent', async () => {
    const token = players.token();
    await players.silence();
    const extensions = { code: 'SERVICE_UNAVAILABLE', errorCode: 'identity_unavailable', status: 503 };
    expect((await ask('{ me { userId } }', `Bearer ${token}`)).errors).toMatchObject([
      { extensions: { ...extensions, retryAfterSeconds: expect.any(Number) } },
    ]);
  });
});

describe.each(drivers)('GraphQL over a WebSocket with %s', (driver) => {
  let players: DoorPlayers;
  let app: INestApplication;
  let publishing: NodeJS.Timeout;
  let logged: jest.SpiedFunction<Logger['error']>;
  beforeEach(async () => {
    logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    players = await DoorPlayers.start();
    publishing = setInterval(() => leaderboard.emit('change', 7), 10);
  });
  afterEach(async () => {
    clearInterval(publishing);
    await app?.close();
    await players[Symbol.asyncDispose]();
    jest.restoreAllMocks();
  });

  interface Connection extends AsyncDisposable {
    readonly client: ReturnType<typeof createClient>;
    /** Settles with code and reason when the connection closes. */
    readonly closed: Promise<readonly [number, string]>;
    /** Payloads of the pings of the server. */
    readonly pings: unknown[];
    first(query: string): Promise<Answer>;
  }

  /** A client that connects with its first operation, and never again. */
  const connect = async (
    connectionParams?: Record<string, unknown>,
    headers: Record<string, string> = {},
  ): Promise<Connection> => {
    class Socket extends WebSocket {
      constructor(address: string, protocols?: string | string[]) {
        super(address, protocols, { headers });
      }
    }
    const pings: unknown[] = [];
    let onClosed: (end: readonly [number, string]) => void = () => undefined;
    const closed = new Promise<readonly [number, string]>((resolve) => (onClosed = resolve));
    const client = createClient({
      url: `${(await app.getUrl()).replace('http', 'ws')}/graphql`,
      webSocketImpl: Socket,
      retryAttempts: 0,
      on: {
        ping: (received, payload) => void (received && pings.push(payload)),
        closed: (event) => {
          const { code, reason } = event as { code: number; reason: string };
          onClosed([code, reason]);
        },
      },
      ...(connectionParams && { connectionParams }),
    });
    const first = async (query: string): Promise<Answer> => {
      try {
        for await (const answer of client.iterate({ query })) return answer as unknown as Answer;
        throw new Error('the subscription ended without an event');
      } catch (error) {
        if (Array.isArray(error)) return { status: 0, data: null, errors: error as readonly GraphqlError[] };
        throw error;
      }
    };
    return { client, closed, pings, first, [Symbol.asyncDispose]: async () => await client.dispose() };
  };

  /** Reads a subscription until its connection ends. Returns the number of events. */
  const follow = async ({ client }: Connection, onFirst: () => void) => {
    let events = 0;
    try {
      for await (const { data } of client.iterate({ query: 'subscription { changed }' })) {
        expect(data).toEqual({ changed: 7 });
        if (events === 0) onFirst();
        events += 1;
      }
    } catch {
      // The connection was closed.
    }
    return events;
  };

  it.each(callers.filter((caller) => CALLERS[caller] !== undefined))(
    'closes a connection with its reason before it is opened: %s',
    async (caller) => {
      app = await startGraphqlGame(driver, players);
      const authorization = await players.authorization(caller, app);
      await using connection = await connect(authorization === undefined ? {} : { authorization });
      await expect(connection.first('subscription { changed }')).rejects.toBeDefined();
      const code = CALLERS[caller];
      expect(await connection.closed).toEqual([code === 'expired_token' ? 4403 : 4401, code]);
      expect(logged).not.toHaveBeenCalled();
    },
  );

  it('takes a token from the cookie of the upgrade, whose headers the client cannot pretend afterwards', async () => {
    const extract = ({ headers }: CredentialRequest) =>
      headers.origin === 'http://game.test' ? headers.cookie?.replace('game=', '') : undefined;
    let shown = '';
    const onConnect = (parameters: unknown) => {
      shown = JSON.stringify(parameters ?? {});
      return undefined;
    };
    app = await startGraphqlGame(driver, players, { module: { credentials: { extract } }, onConnect });
    const token = players.token();
    const cookie = `game=${token}`;
    await using own = await connect({}, { cookie, origin: 'http://game.test' });
    expect(await own.first('{ me { userId } }')).toEqual({ data: { me: { userId: 'player-1' } } });
    expect(shown).not.toContain(token);
    const pretended = { origin: 'http://game.test', cookie, headers: { origin: 'http://game.test', cookie } };
    await using other = await connect(pretended, { cookie, origin: 'http://evil.test' });
    await expect(other.first('{ me { userId } }')).rejects.toBeDefined();
    expect(await other.closed).toEqual([4401, 'missing_token']);
    const second = players.token();
    await using both = await connect({ authorization: `Bearer ${second}` }, { cookie, origin: 'http://game.test' });
    await expect(both.first('{ me { userId } }')).rejects.toBeDefined();
    expect(await both.closed).toEqual([4401, 'invalid_request']);
  });

  it('decides about each operation of a connection by its own policy', async () => {
    app = await startGraphqlGame(driver, players);
    await using connection = await connect({ authorization: `Bearer ${players.token()}` });
    expect(await connection.first('subscription { changed }')).toEqual({ data: { changed: 7 } });
    expect(await connection.first('{ me { name } }')).toEqual({ data: { me: { name: 'name of player-1' } } });
    expect((await connection.first('{ scoped }')).errors).toMatchObject([
      { extensions: { errorCode: 'insufficient_scope' } },
    ]);
  });

  it('closes a connection with two credentials, and one that nothing can decide about, with their reasons', async () => {
    app = await startGraphqlGame(driver, players);
    const both = await connect(
      { authorization: `Bearer ${players.token()}` },
      { authorization: `Bearer ${players.token()}` },
    );
    await expect(both.first('subscription { changed }')).rejects.toBeDefined();
    expect(await both.closed).toEqual([4401, 'invalid_request']);
    const token = players.token();
    await players.silence();
    const unknown = await connect({ authorization: `Bearer ${token}` });
    await expect(unknown.first('subscription { changed }')).rejects.toBeDefined();
    expect(await unknown.closed).toEqual([1013, 'identity_unavailable']);
  });

  it.each([
    ['an oversized credential', { authorization: `Bearer ${'x'.repeat(1_000_000)}` }, 'malformed_token'],
    ['a credential that is no text', { authorization: { token: 'x' } }, 'malformed_token'],
    ['a credential below a key of prototypes', { constructor: { authorization: 'Bearer x' } }, 'missing_token'],
    ['two spellings', { authorization: 'Bearer x', Authorization: 'Bearer y' }, 'invalid_request'],
  ])('closes a connection that opens with %s', async (_, parameters, errorCode) => {
    app = await startGraphqlGame(driver, players);
    const hostile = await connect(parameters);
    await expect(hostile.first('{ me { userId } }')).rejects.toBeDefined();
    expect(await hostile.closed).toEqual([4401, errorCode]);
    await using good = await connect({ authorization: `Bearer ${players.token()}` });
    expect(await good.first('{ me { userId } }')).toEqual({ data: { me: { userId: 'player-1' } } });
  });

  it('takes the header of the upgrade, and shows the token to nothing of the application', async () => {
    const seen: unknown[] = [];
    app = await startGraphqlGame(driver, players, { onConnect: (parameters) => void seen.push(parameters) });
    const authorization = `Bearer ${players.token()}`;
    await using byHeader = await connect(undefined, { authorization });
    expect(await byHeader.first('{ me { userId } }')).toEqual({ data: { me: { userId: 'player-1' } } });
    await using byParameters = await connect({ authorization, locale: 'en' });
    expect(await byParameters.first('{ me { userId } }')).toEqual({ data: { me: { userId: 'player-1' } } });
    expect(seen).toEqual([undefined, { locale: 'en' }]);
  });

  it('obeys the onConnect of the application after its own', async () => {
    app = await startGraphqlGame(driver, players, { onConnect: () => false });
    await using connection = await connect({ authorization: `Bearer ${players.token()}` });
    await expect(connection.first('{ me { userId } }')).rejects.toBeDefined();
  });

  it('ends a subscription at a ban, and not that of another player', async () => {
    app = await startGraphqlGame(driver, players);
    await using banned = await connect({ authorization: `Bearer ${players.token('banned')}` });
    await using other = await connect({ authorization: `Bearer ${players.token()}` });
    expect(await other.first('subscription { changed }')).toEqual({ data: { changed: 7 } });
    const events = await follow(banned, () => void players.ban(app));
    expect(events).toBeGreaterThan(0);
    expect(await banned.closed).toEqual([4401, 'revoked_token']);
    expect(await other.first('subscription { changed }')).toEqual({ data: { changed: 7 } });
  });

  it('tells a banned player the reason before it closes the connection', async () => {
    app = await startGraphqlGame(driver, players);
    const authorization = `Bearer ${players.token('banned')}`;
    await using connection = await connect({ authorization });
    expect(await connection.first('{ me { userId } }')).toEqual({ data: { me: { userId: 'banned' } } });
    const [until, reason] = [new Date(players.clock.now() + 60_000), { code: 'cheating', text: 'Aim help' }];
    await app.get(NowggRevocationService).revoke({ userId: 'banned' }, { until, reason });
    const told = { errorCode: 'user_banned', reasonCode: 'cheating', text: 'Aim help', until: until.toISOString() };
    expect(await connection.closed).toEqual([4401, 'user_banned']);
    expect(connection.pings).toEqual([{ 'nowgg:end': expect.objectContaining(told) }]);
    await using again = await connect({ authorization });
    await expect(again.first('{ me { userId } }')).rejects.toBeDefined();
    expect(await again.closed).toEqual([4401, 'user_banned']);
  });

  it('ends a subscription when its token expires, with the code at which clients connect again', async () => {
    app = await startGraphqlGame(driver, players);
    await using connection = await connect({ authorization: `Bearer ${players.token()}` });
    const events = await follow(connection, () => players.advance(700_000));
    expect(events).toBeGreaterThan(0);
    expect(await connection.closed).toEqual([4403, 'expired_token']);
  });

  it('opens a connection without a credential where that is allowed, for public operations', async () => {
    app = await startGraphqlGame(driver, players, { allowAnonymous: true });
    await using connection = await connect();
    expect(await connection.first('subscription { announced }')).toEqual({ data: { announced: 7 } });
    expect((await connection.first('subscription { changed }')).errors).toMatchObject([
      { extensions: { errorCode: 'missing_token', code: 'UNAUTHENTICATED' } },
    ]);
    await using refused = await connect({ authorization: 'Bearer not-a-token' });
    await expect(refused.first('subscription { announced }')).rejects.toBeDefined();
    expect(await refused.closed).toEqual([4401, 'invalid_token']);
  });

  it('denies a subscription on a connection that nothing ends', async () => {
    app = await startGraphqlGame(driver, players, { withoutHelper: true });
    await using connection = await connect({ authorization: `Bearer ${players.token()}` });
    expect((await connection.first('subscription { changed }')).errors).toMatchObject([
      { message: expect.stringContaining('nowggGraphqlWs()'), extensions: { errorCode: 'configuration' } },
    ]);
    expect(await connection.first('subscription { announced }')).toEqual({ data: { announced: 7 } });
  });
});
