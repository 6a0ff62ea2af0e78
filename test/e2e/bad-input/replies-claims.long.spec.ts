import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Answer, expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import {
  acceptAny,
  accepted,
  type Claims,
  CLIENT_ID,
  claimsSent,
  refused,
  tokenClaims,
} from '../../support/game/now-gg-messages.js';
import { json, text } from '../../support/raw-http/raw-answers.js';
import { jsonOf } from '../../support/raw-http/raw-request.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

const now = () => Math.floor(Date.now() / 1000);
const omit = Symbol('omit');

/** A claim that is put in place of a good one, or left out. */
type Row = readonly [claim: string, value: unknown];

const meaningless: readonly Row[] = [
  ...[
    omit,
    '',
    5,
    {},
    [],
    ['player'],
    null,
    true,
    'u'.repeat(256),
    'a\0b',
    'a\nb',
    'a\x1bb',
    'a\x7fb',
    'a\ud800',
    '\udc00a',
  ].map((v): Row => ['userId', v]),
  ...[omit, 5, null, {}, []].map((v): Row => ['iss', v]),
  ...[omit, 5, null, {}].map((v): Row => ['aud', v]),
  ...[omit, 'tomorrow', '', ' ', {}, [], null, true, '1e12', '0x7fffffff', '-'].map((v): Row => ['exp', v]),
];

const foreign: readonly Row[] = [
  ...['another-client', ['another-client'], CLIENT_ID.toUpperCase(), ` ${CLIENT_ID}`].map((v): Row => ['aud', v]),
  ...[
    'http://now.gg',
    'https://now.gg/',
    'https://NOW.gg',
    'HTTPS://now.gg',
    'https://now.gg.example',
    'https://now.gg:443',
    'now.gg',
    ' https://now.gg',
    '',
  ].map((v): Row => ['iss', v]),
  ...[1_600_000_000, '1600000000', 0].map((v): Row => ['exp', v]),
];

const shown = ([claim, value]: Row) =>
  [`${claim} ${value === omit ? 'missing' : JSON.stringify(value)?.slice(0, 40)}`, claim, value] as const;

function spoilt(claim: string, value: unknown): Claims {
  const { [claim]: _good, ...rest } = tokenClaims();
  return value === omit ? rest : { ...rest, [claim]: value };
}

const askedAnew = { handled: [], calls: 2 };
const askedEachTime = { handled: [], calls: 3 };

describe.each(platforms)('claims in replies on %s', (platform) => {
  let shared: AppUnderTest;
  beforeAll(async () => {
    shared = await AppUnderTest.start(platform);
  });
  afterAll(async () => shared[Symbol.asyncDispose]());

  it.each([omit, null, [], [tokenClaims()], 'text', 5, true, {}])(
    'decodedData that is no claims is no verdict: %p',
    async (decodedData) => {
      const { decodedData: _good, ...bare } = accepted({});
      shared.peer.alwaysAnswer(json(200, decodedData === omit ? bare : { ...bare, decodedData }));
      expect(await askAgain('S')).toEqual(askedAnew);
    },
  );

  it.each(meaningless.map(shown))('a claim that says nothing is no verdict: %s', async (_what, claim, value) => {
    shared.peer.alwaysAnswer(json(200, accepted(spoilt(claim, value))));
    expect(await askAgain('S')).toEqual(askedAnew);
  });

  it.each(foreign.map(shown))(
    'a claim that rules the token out refuses it, for now: %s',
    async (_what, claim, value) => {
      shared.peer.alwaysAnswer(json(200, accepted(spoilt(claim, value))));
      expect(await askAgain('U1')).toEqual(askedEachTime);
    },
  );

  it.each([
    ['userId', 'u'.repeat(255)],
    ['userId', '\u{1f3ae} Spieler'],
    ['aud', ['another-client', CLIENT_ID]],
    ['exp', '4102444800'],
    ['iat', '1600000000'],
    ['scope', omit],
    ['tokenId', omit],
    ['extra', { deep: [1, { er: null }] }],
  ])('takes %s as %p', async (claim, value) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(json(200, accepted(spoilt(claim, value))));
    expect((await app.fetch('/guarded', app.opaque())).status).toBe(200);
  });

  it('ignores __proto__ and constructor at any depth', async () => {
    await using app = await AppUnderTest.start(platform);
    const poison =
      '"__proto__":{"admin":true,"success":true,"scope":"email"},"constructor":{"prototype":{"admin":true}}';
    const { scope: _none, ...bare } = tokenClaims();
    const claims = `{${poison},"deep":{${poison}},${JSON.stringify(bare).slice(1)}`;
    app.peer.alwaysAnswer(
      text(200, `{${poison},"success":true,"code":"VERIFICATION_SUCCESS","decodedData":${claims}}`),
    );
    const token = app.opaque();
    const reply = (await app.fetch('/guarded', token)).json();
    expect(reply).toMatchObject({ userId: bare.userId, scopes: [], plain: true, polluted: false });
    expectAnswer(await app.fetch('/scoped', token), 'F');
    expect(({} as Claims).success).toBeUndefined();
    expect(({} as Claims).admin).toBeUndefined();
  });

  it.each(['userId', 'aud', 'iss', 'exp'])('takes no %s from a prototype', async (claim) => {
    const { [claim]: inherited, ...own } = tokenClaims();
    const claims = `{"__proto__":${JSON.stringify({ [claim]: inherited })},${JSON.stringify(own).slice(1)}`;
    shared.peer.alwaysAnswer(text(200, `{"success":true,"code":"VERIFICATION_SUCCESS","decodedData":${claims}}`));
    expect(await askAgain('S')).toEqual(askedAnew);
  });

  it.each([
    '\r\nSet-Cookie: owned=1',
    '", error="insufficient_scope", x="',
    '<script>alert(1)</script>',
    '\x1b[2J\x1b]0;owned\x07',
    '\u2028\u202e\0',
  ])('what the identity system writes is in no header and in no log: %j', async (text) => {
    await using app = await AppUnderTest.start(platform);
    const mark = app.planted.plant('mark');
    const nasty = `${mark}${text}${mark}`;
    app.peer.thenAnswer(json(200, { ...refused(), msg: nasty }));
    expectAnswer(await app.fetch('/guarded', app.token()), 'U1');
    app.peer.thenAnswer(json(200, { success: false, code: nasty, msg: nasty }));
    expectAnswer(await app.fetch('/guarded', app.token()), 'S');
    app.peer.thenAnswer((exchange) => json(200, { ...accepted(claimsSent(exchange)), msg: nasty })(exchange));
    const reply = await app.fetch('/guarded', app.idToken({ name: nasty, email: nasty, picture: nasty }));
    expect(reply.status).toBe(200);
    expect(reply.header('Set-Cookie')).toBeUndefined();
    expect(app.planted.foundIn(app.log.join('\n'))).toEqual([]);
  });

  it.each([
    ['userId', { userId: 'another-player' }],
    ['tokenId', { tokenId: 'another-token' }],
    ['exp', { exp: now() + 7200 }],
    ['aud', { aud: [CLIENT_ID, 'another-client'] }],
    ['everything', tokenClaims()],
  ])('believes no reply about another token: %s differs', async (_claim, changes) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.thenAnswer((exchange) => json(200, accepted({ ...claimsSent(exchange), ...changes }))(exchange));
    const token = app.token();
    expectAnswer(await app.fetch('/guarded', token), 'S');
    await app.peer.untilDisconnected();
    expect(app.securityEvents).toEqual([{ type: 'mismatched_reply', provider: 'nowgg' }]);
    app.peer.alwaysAnswer(acceptAny);
    // The fault is the token's own for five seconds; other players are not affected.
    expectAnswer(await app.fetch('/guarded', token), 'S');
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    expect(app.peer.requests.map((request) => request.connection)).toEqual([1, 2]);
    expect(app.handled).toEqual(['guarded']);
  });

  it('believes no reply about another id_token', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.thenAnswer((exchange) => json(200, accepted({ ...claimsSent(exchange), sub: 'another' }))(exchange));
    expectAnswer(await app.fetch('/guarded', app.idToken()), 'S');
    expect(app.handled).toEqual([]);
  });

  it('believes a reply that writes the same times in digits', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.thenAnswer((exchange) => {
      const claims = claimsSent(exchange);
      return json(200, accepted({ ...claims, exp: String(claims.exp), iat: String(claims.iat) }))(exchange);
    });
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
  });

  /** Three uses of an opaque token, with the same answer; then a good one, after which nothing is in doubt. */
  async function askAgain(answer: Answer) {
    const before = shared.soFar;
    const token = shared.opaque();
    expectAnswer(await shared.fetch('/guarded', token), answer);
    // An answer that cannot be read stands for five seconds, so that repeating the token asks nothing.
    expectAnswer(await shared.fetch('/guarded', token), answer);
    shared.clock.advance(5_000);
    expectAnswer(await shared.fetch('/guarded', token), answer);
    const { handled } = shared.since(before);
    const calls = shared.peer.requests.filter((request) => jsonOf(request).token === token).length;
    shared.peer.alwaysAnswer(acceptAny);
    expect((await shared.fetch('/guarded', shared.token())).status).toBe(200);
    return { handled, calls };
  }
});
