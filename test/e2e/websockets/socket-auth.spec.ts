import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { memoryTokenStore, NowggRevocationService } from 'nestjs-nowgg-auth';
import { configure, type SessionClient } from 'nowgg-auth-client';
import { socketAuth, type SocketAuthOptions } from 'nowgg-auth-client/sockets';
import type { Socket } from 'socket.io-client';
import { OffsetClock } from '../../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { strongKey } from '../../../libs/nowgg-auth/src/testing-support/strong-key.js';
import { until } from '../../redis/support.js';
import { IoClient, SocketApp, type SeenEnd } from './support.js';

jest.setTimeout(60_000);

const HOUR_MS = 3_600_000;
const routes = {
  tokens: { encryptionKeys: [{ id: 'k1', key: strongKey(1) }] },
  tokenStore: memoryTokenStore(),
  routes: true,
};

describe('socketAuth() with socket.io', () => {
  let site: SocketApp;
  let session: SessionClient;
  /** The clock of the player's machine. */
  let machine: OffsetClock;

  afterEach(async () => {
    session.close();
    await site[Symbol.asyncDispose]();
  });

  async function signIn(): Promise<string> {
    machine = new OffsetClock();
    site = await SocketApp.start('socket.io', { module: routes });
    const clock = {
      now: () => machine.now(),
      after: (ms: number, callback: () => void) => {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    };
    session = configure({ baseUrl: `http://127.0.0.1:${site.port}`, clock });
    const { userId } = site.emulator.addPlayer();
    await session.login(site.emulator.issueCode({ userId }));
    return userId;
  }

  const connect = (options: SocketAuthOptions = {}, namespace = '') =>
    site.io({ ...socketAuth(session, options), reconnection: true, reconnectionDelay: 10 }, namespace);
  const opened = async (socket: Socket) => {
    await until(() => socket.connected);
    return new IoClient(socket);
  };
  /** Time passes on the server and at the identity system, and on the player's machine unless its clock is behind. */
  const advance = (ms: number, { isMachineBehind = false } = {}) => {
    site.emulator.advanceClock(ms);
    if (!isMachineBehind) machine.advance(ms);
    site.clock.advance(ms);
  };
  /** What the server answers to new tokens. */
  const answersOf = (socket: Socket) => {
    const answers: unknown[] = [];
    const emit = socket.emit.bind(socket);
    socket.emit = (event: string, ...values: unknown[]) => {
      if (event !== 'nowgg:auth') return emit(event, ...values);
      const [message, tell] = values as [unknown, (answer: unknown) => void];
      return emit(event, message, (answer: unknown) => {
        tell(answer);
        answers.push(answer);
      });
    };
    return answers;
  };
  const seen = () => site.seen.connections;

  it('sends a new token in band before the old one expires', async () => {
    const userId = await signIn();
    const client = await opened(connect({ everyMs: 5 }));
    const first = session.accessToken;
    const answers = answersOf(client.socket);
    advance(HOUR_MS * 0.95);
    await until(() => answers.length > 0);
    expect(answers).toEqual([{ ok: true, expiresAt: expect.any(Number) }]);
    expect(session.accessToken).not.toBe(first);
    expect(await client.ask('who')).toEqual({ player: userId });
    advance(HOUR_MS * 0.1);
    expect(await client.ask('who')).toEqual({ player: userId });
    expect(seen()).toEqual([userId]);
  });

  it('sends a new token once', async () => {
    await signIn();
    const client = await opened(connect({ everyMs: 1 }));
    const answers = answersOf(client.socket);
    let looks = 0;
    const look = session.refreshAccessTokenIfNeeded.bind(session);
    session.refreshAccessTokenIfNeeded = async (options) => {
      looks += 1;
      return look(options);
    };
    advance(HOUR_MS * 0.95);
    await until(() => answers.length > 0);
    const after = looks;
    await until(() => looks > after + 20);
    expect(answers).toHaveLength(1);
  });

  it('sends a new token again that the identity system could not tell about', async () => {
    const userId = await signIn();
    const client = await opened(connect({ everyMs: 5 }));
    const answers = answersOf(client.socket);
    site.emulator.setFault({ kind: 'status', endpoint: 'verify-token', status: 500 });
    // Another process of the backend has renewed it: this one does not know it.
    const renewed = site.token(userId);
    session.refreshAccessTokenIfNeeded = async () => renewed;
    await until(() => answers.length > 0);
    site.emulator.clearFaults();
    site.clock.advance(60_000);
    await until(() => (answers.at(-1) as { ok: boolean }).ok);
    expect(answers[0]).toMatchObject({ ok: false, errorCode: 'identity_unavailable' });
  });

  it.each([
    ['in time', {}],
    ['behind', { isMachineBehind: true }],
  ])('connects again with a new token when the old one has expired, on a machine that is %s', async (_, time) => {
    const userId = await signIn();
    const client = await opened(connect({ everyMs: HOUR_MS }));
    advance(HOUR_MS + 1_000, time);
    expect(await client.ended()).toMatchObject({ errorCode: 'expired_token' });
    await until(() => client.socket.connected);
    expect(await client.ask('who')).toEqual({ player: userId });
    expect(seen()).toEqual([userId, userId]);
  });

  it('gives each connection a fresh token when the network drops', async () => {
    const userId = await signIn();
    const client = await opened(connect({ everyMs: HOUR_MS }));
    const first = session.accessToken;
    advance(HOUR_MS * 0.95);
    client.socket.io.engine.close();
    await until(() => seen().length === 2 && client.socket.connected);
    expect(session.accessToken).not.toBe(first);
    expect(seen()).toEqual([userId, userId]);
  });

  it('connects again after an outage in which the token has expired', async () => {
    const userId = await signIn();
    const client = await opened(connect({ everyMs: 5 }));
    site.emulator.setFault({ kind: 'status', endpoint: '*', status: 500 });
    advance(HOUR_MS + 1_000);
    expect(await client.ended()).toMatchObject({ errorCode: 'expired_token' });
    site.emulator.clearFaults();
    advance(120_000);
    await until(() => client.socket.connected);
    expect(await client.ask('who')).toEqual({ player: userId });
  });

  it('stays away after a ban', async () => {
    const userId = await signIn();
    const client = await opened(connect());
    await site.app.get(NowggRevocationService).revoke({ userId });
    expect(await client.ended()).toMatchObject({ errorCode: 'revoked_token' });
    expect(client.socket.active).toBe(false);
    const refused = new Promise<SeenEnd>((resolve) => {
      client.socket.once('connect_error', (error: Error & { data?: SeenEnd }) => resolve(error.data as SeenEnd));
    });
    client.socket.connect();
    expect(await refused).toMatchObject({ errorCode: 'revoked_token' });
    await site.connect(site.token());
    expect([client.socket.active, seen().length]).toEqual([false, 2]);
  });

  it('ends its attempts with the signal', async () => {
    await signIn();
    const stop = new AbortController();
    const client = await opened(connect({ everyMs: HOUR_MS, signal: stop.signal }));
    stop.abort();
    advance(HOUR_MS + 1_000);
    await client.ended();
    // The refresh is what it does before it would connect.
    await until(() => site.emulator.requestCount({ endpoint: 'token' }) === 2);
    await site.connect(site.token());
    expect([client.socket.active, seen().length]).toEqual([false, 2]);
  });

  it('sends nothing without a session', async () => {
    await signIn();
    await session.clearSessionState();
    const socket = connect();
    const error = await new Promise((resolve) => socket.once('connect_error', resolve));
    expect(error).toMatchObject({ data: { errorCode: 'missing_token' } });
    expect(socket.active).toBe(false);
  });

  it('tells what is wrong when a function of the page hides the socket from it', async () => {
    await signIn();
    const { auth } = socketAuth(session);
    expect(() => auth(() => undefined)).toThrow('socket.io must call auth itself');
  });
});
