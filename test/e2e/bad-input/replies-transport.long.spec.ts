import { describe, expect, it, jest } from '@jest/globals';
import { expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import { freePort } from '../../support/servers/free-port.js';
import { gateOf } from '../../support/gate.js';
import { acceptAny, accepted, claimsSent, tokenClaims } from '../../support/game/now-gg-messages.js';
import {
  after,
  bytes,
  bytesThenReset,
  drip,
  endless,
  hangUp,
  message,
  reset,
  silence,
} from '../../support/raw-http/raw-answers.js';
import type { RawAnswer } from '../../support/raw-http/raw-peer.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

const soon = { verification: { timeoutMs: 400 } };
const jsonHead = (rest: string) => `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${rest}\r\n\r\n`;
const kib = 'a'.repeat(1024);

/** Replies that never end: only a deadline, or the cap on a body, gets rid of them. */
const unending: readonly (readonly [what: string, answer: () => RawAnswer])[] = [
  ['no answer at all', () => silence],
  ['interim answers alone', () => bytes('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n')],
  ['a head that drips', () => drip('HTTP/1.1 200 OK\r\nX-Pad: ', kib)],
  ['a body that drips', () => drip(jsonHead('Content-Length: 1000'), kib)],
  ['chunks that drip', () => drip(jsonHead('Transfer-Encoding: chunked'), '1\r\n \r\n'.repeat(500))],
  ['a head and no body', () => bytes(jsonHead('Content-Length: 10'))],
  ['a body short of its length', () => bytes(jsonHead('Content-Length: 10') + '{}')],
  [
    'a good body whose length says more',
    () =>
      ({ request, socket }) => {
        const good = JSON.stringify(accepted(claimsSent({ request, socket })));
        socket.write(jsonHead(`Content-Length: ${good.length + 1}`) + good);
      },
  ],
  [
    'a good body whose connection stays open',
    () =>
      ({ request, socket }) => {
        socket.write(jsonHead('X-Length: unknown') + JSON.stringify(accepted(claimsSent({ request, socket }))));
      },
  ],
];

const floods: readonly (readonly [what: string, head: string, chunk: string])[] = [
  ['endless chunks', jsonHead('Transfer-Encoding: chunked'), `400\r\n${kib}\r\n`],
  ['a body of 1 GiB', jsonHead(`Content-Length: ${2 ** 30}`), kib],
  ['a body without end', jsonHead('Connection: close'), kib],
  ['an endless head', 'HTTP/1.1 200 OK\r\n', `X-Pad: ${kib}\r\n`],
];

/** Skipped as they come and never kept: their end is the deadline, so how many fit before it is the machine's matter. */
const skippedFloods: typeof floods = [
  ['endless blanks before the head', '', '\r\n'.repeat(512)],
  ['an endless chunk extension', `${jsonHead('Transfer-Encoding: chunked')}1;x=`, kib],
  ['endless interim answers', '', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(40)],
];

const cuts: readonly (readonly [what: string, answer: RawAnswer])[] = [
  ['a reset', reset],
  ['a closed connection', hangUp],
  ['a 100 Continue that was not asked for', bytes('HTTP/1.1 100 Continue\r\n\r\n')],
  ['a reset in the head', bytesThenReset('HTTP/1.1 200 OK\r\nContent-')],
  ['a reset in the body', bytesThenReset(jsonHead('Content-Length: 100') + '{"success":true')],
  ['an end in the body', ({ socket }) => void socket.end(jsonHead('Content-Length: 100') + '{"success":true')],
];

describe.each(platforms)('silence and noise of the identity system on %s', (platform) => {
  it.each(unending)('gives up at the deadline and closes the connection: %s', async (_what, answer) => {
    await using app = await AppUnderTest.start(platform, { options: soon });
    const token = app.token();
    app.peer.thenAnswer(answer()).alwaysAnswer(acceptAny);
    expectAnswer(await app.fetch('/guarded', token), 'S');
    await app.peer.untilDisconnected();
    expect(app.handled).toEqual([]);
    expect(app.peer.requests).toHaveLength(1);
    expect((await app.fetch('/guarded', token)).status).toBe(200);
  });

  it.each(skippedFloods)('gives up at the deadline and closes the connection: %s', async (_what, head, chunk) => {
    await using app = await AppUnderTest.start(platform, { options: soon });
    app.peer.thenAnswer(endless(head, chunk, () => undefined));
    expectAnswer(await app.fetch('/guarded', app.token()), 'S');
    await app.peer.untilDisconnected();
    expect(app.handled).toEqual([]);
  });

  it.each(floods)('takes in no more than it can use: %s', async (_what, head, chunk) => {
    await using app = await AppUnderTest.start(platform, { options: soon });
    let written = 0;
    app.peer.thenAnswer(
      endless(head, chunk, (total) => {
        written = total;
      }),
    );
    expectAnswer(await app.fetch('/guarded', app.token()), 'S');
    await app.peer.untilDisconnected();
    // What the two kernels buffer counts too; an unbounded reader would take hundreds of megabytes in this time.
    expect(written).toBeLessThan(64 * 2 ** 20);
    expect(app.handled).toEqual([]);
  });

  it.each(cuts)('is no verdict, and tried again once: %s', async (_what, answer) => {
    await using app = await AppUnderTest.start(platform);
    const token = app.token();
    app.peer.thenAnswer(answer, answer).alwaysAnswer(acceptAny);
    expectAnswer(await app.fetch('/guarded', token), 'S');
    expect(app.peer.requests).toHaveLength(2);
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    expect(app.handled).toEqual(['guarded']);
  });

  it.each([
    ['closed', hangUp],
    ['reset', reset],
  ])('asks once more when a kept connection is %s under the question', async (_how, answer) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.thenAnswer(acceptAny, answer, acceptAny);
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    expect(app.peer.requests.map((request) => request.connection)).toEqual([1, 1, 2]);
  });

  it('gives up on a question when two more connections are closed as well', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.thenAnswer(acceptAny).alwaysAnswer(hangUp);
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    expectAnswer(await app.fetch('/guarded', app.token()), 'S');
    expect(app.peer.requests).toHaveLength(4);
    expect(app.handled).toEqual(['guarded']);
  });

  it('notices a connection that was closed while it was idle', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(acceptAny);
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    await app.peer.dropConnections();
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    expect(app.peer.requests).toHaveLength(2);
  });

  it('never takes bytes that a connection held back for the reply to the next question', async () => {
    await using app = await AppUnderTest.start(platform, { options: soon });
    const stolen = message(200, JSON.stringify(accepted(tokenClaims({ userId: 'mallory' }))), [
      ['Content-Type', 'application/json'],
    ]);
    app.peer.thenAnswer(async (exchange) => {
      await acceptAny(exchange);
      // A second reply without a request.
      exchange.socket.write(stolen);
    });
    app.peer.alwaysAnswer(acceptAny);
    for (const userId of ['ada', 'bob', 'cy']) {
      const reply = await app.fetch('/guarded', app.token({ userId }));
      // Whether the second reply is seen in time to spoil the next question is the kernel's affair.
      expect(reply.status === 503 ? { userId } : reply.json()).toMatchObject({ userId });
    }
  });

  it('gives a late reply to no other caller', async () => {
    await using app = await AppUnderTest.start(platform, { options: soon });
    const gate = gateOf();
    app.peer.thenAnswer(after(gate.opened, acceptAny)).alwaysAnswer(acceptAny);
    expectAnswer(await app.fetch('/guarded', app.token({ userId: 'ada' })), 'S');
    gate.open();
    expect((await app.fetch('/guarded', app.token({ userId: 'bob' }))).json()).toMatchObject({ userId: 'bob' });
  });

  it('a caller who leaves ends no other call', async () => {
    await using app = await AppUnderTest.start(platform);
    const gate = gateOf();
    app.peer.thenAnswer(after(gate.opened, acceptAny));
    const token = app.token();
    const leaver = app.leaveDuring('/guarded', token);
    await app.peer.untilRequests(1);
    await leaver.leave();
    const stayer = app.fetch('/guarded', token);
    gate.open();
    expect((await stayer).status).toBe(200);
    expect(app.peer.requests).toHaveLength(1);
  });

  it.each([
    ['refuses connections', async () => `http://127.0.0.1:${await freePort()}`],
    ['has an unknown name', async () => 'https://nowgg.invalid'],
    ['speaks no TLS', async (app: AppUnderTest) => app.peer.url.replace('http:', 'https:')],
  ])('is no verdict when the identity system %s', async (_what, baseUrlOf) => {
    await using other = await AppUnderTest.start(platform);
    const baseUrl = await baseUrlOf(other);
    await using app = await AppUnderTest.start(platform, { options: { ...soon, baseUrl } });
    expectAnswer(await app.fetch('/guarded', app.token()), 'S');
    expect(app.handled).toEqual([]);
    expect(app.peer.connectionCount).toBe(0);
  });
});
