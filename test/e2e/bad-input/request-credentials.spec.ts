import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Answer, expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import { acceptAny } from '../../support/game/now-gg-messages.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

type HeaderLine = readonly [string, string];
/** Header lines made of a good token, which none of them may bring through. */
type Attempt = readonly [what: string, lines: (token: string) => readonly HeaderLine[]];

const authorization = (value: (token: string) => string) => (token: string) => [
  ['Authorization', value(token)] as const,
];

const noCredential: readonly Attempt[] = [
  ['no Authorization', () => []],
  ['an empty Authorization', authorization(() => '')],
  ['a blank Authorization', authorization(() => ' \t ')],
  ['Basic', authorization((token) => `Basic ${token}`)],
  ['Basic around Bearer', authorization((token) => `Basic Bearer ${token}`)],
  ['DPoP', authorization((token) => `DPoP ${token}`)],
  ['Digest', authorization((token) => `Digest username="admin", response="${token}"`)],
  ['Negotiate', authorization((token) => `Negotiate ${token}`)],
  ['Bearer glued to the token', authorization((token) => `Bearer${token}`)],
  ['a scheme that starts with Bearer', authorization((token) => `Bearer-Token ${token}`)],
  ['a scheme that ends with Bearer', authorization((token) => `XBearer ${token}`)],
  ['a scheme that is short of Bearer', authorization((token) => `Beare ${token}`)],
  ['the token alone', authorization((token) => token)],
  ['X-Authorization', (token) => [['X-Authorization', `Bearer ${token}`]]],
  ['Authorization_', (token) => [['Authorization_', `Bearer ${token}`]]],
  ['X-Forwarded-Authorization', (token) => [['X-Forwarded-Authorization', `Bearer ${token}`]]],
  ['Proxy-Authorization', (token) => [['Proxy-Authorization', `Bearer ${token}`]]],
  ['X-Access-Token', (token) => [['X-Access-Token', token]]],
  ['a WebSocket protocol', (token) => [['Sec-WebSocket-Protocol', `bearer, ${token}`]]],
  ['a cookie', (token) => [['Cookie', `access_token=${token}; Authorization=Bearer ${token}`]]],
  [
    'the identity headers of a reverse proxy',
    () => [
      ['X-User-Id', 'admin'],
      ['X-Forwarded-User', 'admin'],
      ['X-Authgear-Session-Valid', 'true'],
      ['X-Authgear-User-Id', 'admin'],
      ['X-Forwarded-For', '127.0.0.1'],
      ['Forwarded', 'for=127.0.0.1;proto=https'],
      ['Via', '1.1 proxy'],
    ],
  ],
];

const malformed: readonly Attempt[] = [
  ['Bearer alone', authorization(() => 'Bearer')],
  ['Bearer and blanks', authorization(() => 'Bearer   ')],
  ['two tokens', authorization((token) => `Bearer ${token} ${token}`)],
  ['two credentials in one line', authorization((token) => `Bearer ${token}, Bearer ${token}`)],
  ['a tab after Bearer', authorization((token) => `Bearer\t${token}`)],
  ['a blank and a tab after Bearer', authorization((token) => `Bearer \t${token}`)],
  ['a no-break space after Bearer', authorization((token) => `Bearer\u00a0${token}`)],
  ['a no-break space before the token', authorization((token) => `Bearer \u00a0${token}`)],
  ['a tab inside the token', authorization((token) => `Bearer ${token.slice(0, 9)}\t${token.slice(9)}`)],
  ['a quoted token', authorization((token) => `Bearer "${token}"`)],
  ['a token in angle brackets', authorization((token) => `Bearer <${token}>`)],
  ['a token in braces', authorization((token) => `Bearer {${token}}`)],
  ['a comma after the token', authorization((token) => `Bearer ${token},`)],
  ['a semicolon after the token', authorization((token) => `Bearer ${token};`)],
  ['a percent-encoded token', authorization((token) => `Bearer ${token}%20`)],
  ['a named parameter', authorization((token) => `Bearer token="${token}"`)],
  ['padding alone', authorization(() => 'Bearer ===')],
  ['padding inside the token', authorization((token) => `Bearer a=${token}`)],
  ['a letter of Latin-1', authorization((token) => `Bearer ${token}\u00e9`)],
  ['a next-line control', authorization((token) => `Bearer ${token}\u0085`)],
  ['UTF-8 lookalikes', authorization((token) => `Bearer ${Buffer.from(`\uff21${token}`).toString('latin1')}`)],
  ['a byte order mark', authorization((token) => `Bearer ${Buffer.from(`\ufeff${token}`).toString('latin1')}`)],
  ['a zero-width space', authorization((token) => `Bearer ${Buffer.from(`${token}\u200b`).toString('latin1')}`)],
  ['a token past the limit', authorization((token) => `Bearer ${token}${'A'.repeat(8193 - token.length)}`)],
  ['a token far past the limit', authorization((token) => `Bearer ${token}${'A'.repeat(12_000)}`)],
];

const ambiguous: readonly (readonly [
  what: string,
  path: string,
  lines: (token: string, other: string) => readonly HeaderLine[],
])[] = [
  [
    'the same line twice',
    '/guarded',
    (token) => [
      ['Authorization', `Bearer ${token}`],
      ['Authorization', `Bearer ${token}`],
    ],
  ],
  [
    'two tokens in two lines',
    '/guarded',
    (a, b) => [
      ['Authorization', `Bearer ${a}`],
      ['authorization', `Bearer ${b}`],
    ],
  ],
  [
    'Basic, then Bearer',
    '/guarded',
    (token) => [
      ['Authorization', 'Basic eDp5'],
      ['AUTHORIZATION', `Bearer ${token}`],
    ],
  ],
  [
    'Bearer, then Basic',
    '/guarded',
    (token) => [
      ['Authorization', `Bearer ${token}`],
      ['Authorization', 'Basic eDp5'],
    ],
  ],
  [
    'Bearer, then an empty line',
    '/guarded',
    (token) => [
      ['Authorization', `Bearer ${token}`],
      ['Authorization', ''],
    ],
  ],
  [
    'two lines of another scheme',
    '/guarded',
    () => [
      ['Authorization', 'Basic eDp5'],
      ['Authorization', 'Basic eDp6'],
    ],
  ],
  [
    'two lines far apart',
    '/guarded',
    (a, b) => [
      ['Authorization', `Bearer ${a}`],
      ['Accept', '*/*'],
      ['Authorization', `Bearer ${b}`],
    ],
  ],
  ['a query token beside a header', '/guarded?access_token=TOKEN', (token) => [['Authorization', `Bearer ${token}`]]],
  [
    'another one among others',
    '/guarded?a=1&access_token=TOKEN&b=2',
    (token) => [['Authorization', `Bearer ${token}`]],
  ],
  [
    'a query token twice',
    '/guarded?access_token=TOKEN&access_token=x',
    (token) => [['Authorization', `Bearer ${token}`]],
  ],
  ['an empty query token', '/guarded?access_token=', (token) => [['Authorization', `Bearer ${token}`]]],
  ['a list of query tokens', '/guarded?access_token[]=TOKEN', (token) => [['Authorization', `Bearer ${token}`]]],
  ['an encoded underscore', '/guarded?access%5Ftoken=TOKEN', (token) => [['Authorization', `Bearer ${token}`]]],
  ['an encoded letter', '/guarded?%61ccess_toke%6E=TOKEN', (token) => [['Authorization', `Bearer ${token}`]]],
  ['a query token beside a malformed header', '/guarded?access_token=TOKEN', () => [['Authorization', 'Bearer <x>']]],
];

/** What is left of a request that was answered without a question. */
const untouched = { handled: [], calls: 0, connections: 0 };

describe.each(platforms)('credentials of a request on %s', (platform) => {
  let shared: AppUnderTest;
  beforeAll(async () => {
    shared = await AppUnderTest.start(platform);
  });
  afterAll(async () => shared[Symbol.asyncDispose]());

  it.each(noCredential)('takes no credential from: %s', async (_what, lines) => {
    expect(await refuse('U0', '/guarded', lines)).toEqual(untouched);
  });

  it.each(malformed)('refuses without asking: %s', async (_what, lines) => {
    expect(await refuse('U1', '/guarded', lines)).toEqual(untouched);
  });

  it.each(ambiguous)('calls the request ambiguous: %s', async (_what, path, lines) => {
    expect(await refuse('Q', path, lines)).toEqual(untouched);
  });

  it.each([
    '/guarded?access_token=TOKEN',
    '/guarded?access%5Ftoken=TOKEN',
    '/guarded?Authorization=Bearer%20TOKEN',
    '/guarded?token=TOKEN',
  ])('never uses a token in the query: %s', async (path) => {
    expect(await refuse('U0', path, () => [])).toEqual(untouched);
  });

  it.each([
    ['application/x-www-form-urlencoded', (token: string) => `access_token=${token}`],
    ['application/json', (token: string) => JSON.stringify({ access_token: token, Authorization: `Bearer ${token}` })],
  ])('never looks at a body of %s', async (type, body) => {
    await using app = await AppUnderTest.start(platform);
    const token = app.token();
    const headers: HeaderLine[] = [['Content-Type', type]];
    expectAnswer(await app.send({ method: 'POST', path: '/guarded', headers, body: body(token) }), 'U0');

    app.peer.alwaysAnswer(acceptAny);
    const beside: HeaderLine[] = [...headers, ['Authorization', `Bearer ${token}`]];
    const { status } = await app.send({ method: 'POST', path: '/guarded', headers: beside, body: body('another') });
    expect({ status, handled: app.handled }).toEqual({ status: 200, handled: ['posted'] });
  });

  it('never looks at cookies beside a header', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(acceptAny);
    const lines: HeaderLine[] = [
      ['Authorization', `Bearer ${app.token()}`],
      ['Cookie', `access_token=${app.token()}`],
    ];
    expect((await app.send({ path: '/guarded', headers: lines })).status).toBe(200);
    expect(app.peer.requests).toHaveLength(1);
  });

  it('reads the scheme in any case and over several blanks, as one and the same credential', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(acceptAny);
    const token = app.token();
    for (const value of [
      `Bearer ${token}`,
      `bearer ${token}`,
      `BEARER ${token}`,
      `bEaReR    ${token}`,
      ` Bearer ${token} \t`,
    ])
      expect((await app.send({ path: '/guarded', headers: [['aUtHoRiZaTiOn', value]] })).status).toBe(200);
    expect(app.peer.requests).toHaveLength(1);
  });

  it('asks about a token of exactly the longest length', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(acceptAny);
    const short = app.token();
    const token = app.planted.keep(`${short}${'A'.repeat(8192 - short.length)}`);
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    expect(app.peer.requests[0]?.body).toContain(token);
  });

  it('refuses bad credentials on an optional route and takes a request without any as anonymous', async () => {
    await using app = await AppUnderTest.start(platform);
    expect((await app.fetch('/optional')).json()).toEqual({ anonymous: true });
    expectAnswer(await app.fetch('/optional', `<${app.token()}>`), 'U1');
    const twice: HeaderLine[] = [
      ['Authorization', `Bearer ${app.token()}`],
      ['Authorization', `Bearer ${app.token()}`],
    ];
    expectAnswer(await app.send({ path: '/optional', headers: twice }), 'Q');
    expect(app.handled).toEqual(['optional']);
    expect(app.peer.requests).toHaveLength(0);
  });

  it('sends no question on a public route, whatever is sent', async () => {
    await using app = await AppUnderTest.start(platform);
    const twice: HeaderLine[] = [
      ['Authorization', `Bearer ${app.token()}`],
      ['Authorization', 'Bearer <x>'],
    ];
    expect((await app.send({ path: `/open?access_token=${app.token()}`, headers: twice })).status).toBe(200);
    expect(app.peer.requests).toHaveLength(0);
  });

  async function refuse(answer: Answer, path: string, lines: (token: string, other: string) => readonly HeaderLine[]) {
    const before = shared.soFar;
    const [token, other] = [shared.token(), shared.token()];
    const headers = lines(token, other);
    expectAnswer(await shared.send({ path: path.replace('TOKEN', other), headers }), answer);
    return shared.since(before);
  }
});
