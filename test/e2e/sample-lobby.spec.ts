import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { NowggRevocationService } from 'nestjs-nowgg-auth';
import { io, type Socket } from 'socket.io-client';
import { DataSource } from 'typeorm';
import type { EmbeddedServices } from '../../apps/sample/src/embedded/embedded-services.js';
import { until } from '../redis/support.js';
import { type RunningSample, startSample, startSampleServices } from '../support/sample/sample-app.js';

let services: EmbeddedServices;
beforeAll(async () => {
  services = await startSampleServices();
}, 240_000);
afterAll(async () => services.close());

describe.each(['express', 'fastify'] as const)('the lobby of the sample on %s', (platform) => {
  let sample: RunningSample;
  const sockets: Socket[] = [];
  beforeAll(async () => {
    sample = await startSample(services, platform);
  }, 60_000);
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.disconnect();
  });
  afterAll(async () => sample.close());

  /** A client of the lobby, and what it hears. */
  const enter = (token?: string) => {
    const auth = token === undefined ? {} : { token };
    const socket = io(sample.url, {
      path: '/lobby',
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      auth,
    });
    sockets.push(socket);
    const heard: { presence: string[]; lines: { name: string; text: string }[]; end: unknown; error: unknown } = {
      presence: [],
      lines: [],
      end: undefined,
      error: undefined,
    };
    socket.on('presence', ({ names }: { names: string[] }) => (heard.presence = names));
    socket.on('line', (line: { name: string; text: string }) => heard.lines.push(line));
    socket.on('nowgg:end', (end: unknown) => (heard.end = end));
    socket.on('connect_error', (error: Error & { data?: unknown }) => (heard.error = error.data));
    return { socket, heard, say: async (line: unknown) => (await socket.emitWithAck('say', line)) as unknown };
  };
  const playerNamed = async (name: string) => (await sample.signIn({ name })).token;

  it('tells each player who is here and what they say, and when they leave', async () => {
    const ada = enter(await playerNamed('Ada'));
    await until(() => ada.heard.presence.length === 1);
    const bob = enter(await playerNamed('Bob'));
    await until(() => ada.heard.presence.length === 2);
    expect(ada.heard.presence).toEqual(['Ada', 'Bob']);
    expect(await bob.say('  hello  ')).toEqual({ ok: true });
    await until(() => ada.heard.lines.length === 1);
    expect([ada.heard.lines, bob.heard.lines]).toEqual(
      Array.from({ length: 2 }, () => [{ name: 'Bob', text: 'hello' }]),
    );
    bob.socket.disconnect();
    await until(() => ada.heard.presence.length === 1);
    expect(ada.heard.presence).toEqual(['Ada']);
  });

  it('takes no callers without a good token', async () => {
    const [none, bad] = [enter(), enter('made-up')];
    await until(() => none.heard.error !== undefined && bad.heard.error !== undefined);
    expect([none.heard.error, bad.heard.error]).toMatchObject([
      { errorCode: 'missing_token', statusCode: 401 },
      { errorCode: 'invalid_token', statusCode: 401 },
    ]);
    expect([none.heard.presence, bad.heard.presence]).toEqual([[], []]);
  });

  it.each([
    ['an empty line', '   '],
    ['a long line', 'x'.repeat(201)],
    ['an object', { toString: 'x' }],
    ['nothing', undefined],
  ])('refuses %s', async (_, line) => {
    const ada = enter(await playerNamed('Ada'));
    await until(() => ada.heard.presence.length > 0);
    expect(await ada.say(line)).toEqual({ ok: false, reason: 'not_a_line' });
    expect(ada.heard.lines).toEqual([]);
  });

  it('takes five lines at once from one player, and no more', async () => {
    const ada = enter(await playerNamed('Ada'));
    await until(() => ada.heard.presence.length > 0);
    const answers = await Promise.all(Array.from({ length: 50 }, async (_, n) => ada.say(`line ${n}`)));
    expect(answers.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => ({ ok: true })));
    expect(answers.at(-1)).toEqual({ ok: false, reason: 'too_many_lines' });
  });

  it('loses the connection of a player whose name the database does not give, and nothing else', async () => {
    const token = await playerNamed('Ada');
    const database = sample.app.get(DataSource);
    await database.query('ALTER TABLE players RENAME TO players_elsewhere');
    const early = enter(token);
    const reason = await new Promise((resolve) => early.socket.once('disconnect', resolve));
    await database.query('ALTER TABLE players_elsewhere RENAME TO players');
    // The client tries again after this one, and not after `io server disconnect`.
    expect(reason).toBe('transport close');
    expect(early.heard).toEqual({ presence: [], lines: [], end: undefined, error: undefined });
    const later = enter(token);
    await until(() => later.heard.presence.length > 0);
    expect(later.heard.presence).toEqual(['Ada']);
  });

  it('ends the place of a banned player with the reason, and tells the others', async () => {
    const { token, user } = await sample.signIn({ name: 'Cheater' });
    const cheater = enter(token);
    const ada = enter(await playerNamed('Ada'));
    await until(() => ada.heard.presence.includes('Cheater') && cheater.heard.presence.includes('Ada'));
    await sample.app.get(NowggRevocationService, { strict: false }).revoke({ provider: 'nowgg', userId: user.userId });
    await until(() => cheater.heard.end !== undefined && !ada.heard.presence.includes('Cheater'));
    expect(cheater.heard.end).toMatchObject({ errorCode: 'revoked_token' });
    const again = enter(token);
    await until(() => again.heard.error !== undefined);
    expect(again.heard.error).toMatchObject({ errorCode: 'revoked_token' });
  });
});
